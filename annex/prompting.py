"""Prompting: how a person is asked, and that nobody is asked where no person sits."""

import getpass
import sys
from pathlib import Path
from typing import Protocol

from glidein.errors import AuthError

_TTY = Path("/dev/tty")


class Prompter(Protocol):
    """Somebody who can be asked, or not."""

    @property
    def can_ask(self) -> bool:
        """Whether a person sits there; if not, nothing else but `say` may be called."""

    def answer(self, question: str, *, echo: bool = False) -> str:
        """Return the answer; it is not shown while it is typed, unless `echo` is set."""

    def agreed(self, question: str) -> bool:
        """Whether the person typed yes."""

    def say(self, text: str) -> None:
        """Tell something that needs no answer."""


class Nobody:
    """No person: commands without a terminal, services. What is said goes to standard error."""

    can_ask = False

    def answer(self, question: str, *, echo: bool = False) -> str:
        """Refuse to ask."""
        raise AuthError(f"there is no terminal to ask on: {question}")

    def agreed(self, question: str) -> bool:
        """Agree to nothing."""
        return False

    def say(self, text: str) -> None:
        """Tell it on standard error."""
        print(plain(text), file=sys.stderr)


class Terminal:
    """The person at this process's terminal; answers are read from there, never from a pipe."""

    @property
    def can_ask(self) -> bool:
        """Whether standard input is a terminal, and ours."""
        if not sys.stdin.isatty():
            return False
        try:
            _TTY.open("rb").close()
        except OSError:
            return False
        return True

    def answer(self, question: str, *, echo: bool = False) -> str:
        """Ask, and return what was typed."""
        try:
            return _shown(plain(question)) if echo else getpass.getpass(plain(question))
        except (EOFError, OSError):
            raise AuthError("no answer was given") from None

    def agreed(self, question: str) -> bool:
        """Ask until yes or no is typed."""
        said = self.answer(f"{question} (yes/no) ", echo=True).strip().lower()
        while said not in ("yes", "no"):
            said = self.answer("Type yes or no: ", echo=True).strip().lower()
        return said == "yes"

    def say(self, text: str) -> None:
        """Tell it on standard error."""
        print(plain(text), file=sys.stderr, flush=True)


def of(process_has_one: bool = True) -> Prompter:
    """Return the person at the terminal if there is one."""
    terminal = Terminal()
    return terminal if process_has_one and terminal.can_ask else Nobody()


def plain(text: str) -> str:
    """Return a text from the far side without what would steer the terminal."""
    return "".join(char for char in text if char.isprintable() or char in "\n\t")


def _shown(question: str) -> str:
    with _TTY.open("r+b", buffering=0) as terminal:
        terminal.write(question.encode())
        typed = b""
        while not typed.endswith(b"\n"):
            piece = terminal.read(4096)
            if not piece:
                raise EOFError
            typed += piece
    return typed.decode(errors="replace").rstrip("\r\n")

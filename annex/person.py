"""The person at the terminal, if there is one: asked for what only they know."""

import contextlib
import getpass
import os
from pathlib import Path
from typing import Protocol

from glidein.cli import output


class Person(Protocol):
    """Who is asked for a second factor or about a new host, and told what is waited for."""

    @property
    def there(self) -> bool:
        """Whether somebody can answer."""

    def ask(self, question: str, *, shown: bool = False) -> str:
        """Return the answer; what is typed is not shown unless `shown`."""

    def tell(self, text: str) -> None:
        """Say what happens now."""


class Terminal:
    """Whoever sits at this process's terminal; questions never go to a pipe or a file."""

    @property
    def there(self) -> bool:
        """Whether this process has a terminal."""
        with contextlib.suppress(OSError):
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
            return True
        return False

    def ask(self, question: str, *, shown: bool = False) -> str:
        """Return what is typed at the terminal. Control characters of the question are escaped."""
        said = output.printable(question)
        if not shown:
            return getpass.getpass(said)
        with Path("/dev/tty").open("r+b", buffering=0) as tty:
            tty.write(said.encode())
            return tty.readline().decode(errors="replace").rstrip("\r\n")

    def tell(self, text: str) -> None:
        """Say it on standard error."""
        output.progress(output.printable(text))

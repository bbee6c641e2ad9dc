"""Entering: who we are is shown to a far system, in the order its users know from ssh.

Keys first, then what a person answers, then a password. A server may want several of them.
"""

import base64
import binascii
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from annex.prompting import Prompter
from annex.sshconfig import Login
from glidein.errors import AuthError

PUSH_SECONDS = 180.0  # how long a second factor may take that a person confirms elsewhere
_TRIES = 3
_QUIET_SECONDS = 1.5

Prompts = Sequence[tuple[str, bool]]
Handler = Callable[[str, str, Prompts], list[str]]


class Key(Protocol):
    """A private key, or the agent's word for one."""

    def asbytes(self) -> bytes:
        """Return the public half."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the server made of one try: `allowed` is what it takes next, where it said that."""

    done: bool = False
    partial: bool = False
    allowed: tuple[str, ...] | None = None


class NeedsPassphrase(Exception):  # noqa: N818 - says what is the matter
    """The private key in a file is encrypted, or was not opened by the passphrase given."""


class Link(Protocol):
    """A connection whose far end is known, and does not know us yet."""

    def allowed(self) -> Outcome:
        """Ask the server what it takes."""

    def agent_keys(self) -> list[Key]:
        """Return the keys of the user's agent."""

    def file_key(self, path: Path, passphrase: str | None = None) -> Key | None:
        """Return the key of a file, None if there is none. Raises NeedsPassphrase."""

    def try_key(self, key: Key) -> Outcome:
        """Show that we hold a key."""

    def try_answers(self, handler: Handler) -> Outcome:
        """Let the server ask its questions; the handler is called in another thread."""

    def try_password(self, password: str) -> Outcome:
        """Send a password."""


def enter(link: Link, login: Login, ask: Prompter) -> None:
    """Log in. Raises AuthError, which says what to do."""
    _Entrance(link, login, ask).run()


class _Entrance:
    def __init__(self, link: Link, login: Login, ask: Prompter) -> None:
        self._link, self._login, self._ask = link, login, ask
        self._can_ask = ask.can_ask and not login.batch_mode
        self._allowed: tuple[str, ...] | None = None
        self._used: set[bytes] = set()
        self._locked: list[Path] = []
        self._partial = False

    def run(self) -> None:
        tries = {
            "publickey": self._keys,
            "keyboard-interactive": self._answers,
            "password": self._password,
        }
        left = list(self._login.preferred_authentications)
        while left:
            method = left.pop(0)
            outcome = tries[method]() if self._open(method) else Outcome()
            if outcome.done:
                return
            if outcome.partial:
                self._partial = True
                left = list(self._login.preferred_authentications)
        if self._allowed is None:
            self._took(self._link.allowed())
        raise self._refused()

    def _open(self, method: str) -> bool:
        return self._allowed is None or method in self._allowed

    def _took(self, outcome: Outcome) -> Outcome:
        if outcome.allowed is not None:
            self._allowed = outcome.allowed
        return outcome

    def _keys(self) -> Outcome:
        for key in self._candidates():
            self._used.add(key.asbytes())
            outcome = self._took(self._link.try_key(key))
            if outcome.done or outcome.partial:
                return outcome
            if not self._open("publickey"):
                break
        return Outcome()

    def _candidates(self) -> Iterator[Key]:
        """Yield the keys worth a try: the agent's, the files', then those to be unlocked."""
        found = self._agents()
        for path in self._login.identity_files:
            try:
                key = self._link.file_key(path)
            except NeedsPassphrase:
                if path not in self._locked:
                    self._locked.append(path)
                continue
            found += [key] if key else []
        for key in found:
            if key.asbytes() not in self._used:
                yield key
        yield from self._unlocked()

    def _agents(self) -> list[Key]:
        """Return the agent's keys, those of the configured files first, or only those."""
        named = [_public(path) for path in self._login.identity_files]
        keys = self._link.agent_keys()
        mine = [key for key in keys if key.asbytes() in named]
        rest = [key for key in keys if key.asbytes() not in named]
        return mine if self._login.identities_only else mine + rest

    def _unlocked(self) -> Iterator[Key]:
        """Yield keys whose passphrase the person knows; what the agent has needs none."""
        locked = [path for path in self._locked if _public(path) not in self._used]
        if not (locked and self._can_ask):
            return
        if self._allowed is None and not self._used:
            self._took(self._link.allowed())
        for path in locked if self._open("publickey") else ():
            if key := self._unlock(path):
                yield key

    def _unlock(self, path: Path) -> Key | None:
        for _ in range(_TRIES):
            passphrase = self._ask.answer(f"Passphrase of the key {path} (Enter: without it): ")
            if not passphrase:
                return None
            try:
                return self._link.file_key(path, passphrase)
            except NeedsPassphrase:
                self._ask.say("That is not its passphrase.")
        return None

    def _answers(self) -> Outcome:
        if not self._can_ask:
            return Outcome()
        for _ in range(_TRIES):
            talk = _Talk(self._ask, self._login)
            outcome = self._took(talk.hold(self._link))
            if outcome.done or outcome.partial or not talk.asked:
                return outcome
            self._ask.say(f"{self._login.host} did not accept that.")
        raise self._refused("three times what you typed was not accepted")

    def _password(self) -> Outcome:
        if not self._can_ask:
            return Outcome()
        for _ in range(_TRIES):
            question = f"Password of {self._login.user} on {self._login.host}: "
            outcome = self._took(self._link.try_password(self._ask.answer(question)))
            if outcome.done or outcome.partial or not self._open("password"):
                return outcome
            self._ask.say(f"{self._login.host} did not accept that.")
        raise self._refused("three times the password was not accepted")

    def _refused(self, why: str = "") -> AuthError:
        host, user = self._login.host, self._login.user
        wanted = set(self._allowed or ()) & {"keyboard-interactive", "password"}
        if why:
            return AuthError(
                f"{host}: {why}. A code can be used once: wait for the next one, then run it again"
            )
        if (wanted or self._partial) and not self._can_ask:
            return AuthError(
                f"{host}: it asks for a second factor or a password, and there is no terminal to "
                f"ask you on. Run `glidein annex login {host}` in a terminal; it asks there once"
            )
        keys = f"it took none of the {len(self._used)} keys offered" if self._used else "no key"
        locked = f" ({', '.join(map(str, self._locked))}: locked)" if self._locked else ""
        takes = f"; it takes {', '.join(self._allowed)}" if self._allowed else ""
        return AuthError(
            f"{host}: the login as {user} was refused: {keys}{locked}{takes}. Try `ssh {host}`; "
            f"if a password or second factor is asked there, run `glidein annex login {host}`"
        )


@dataclass(frozen=True, slots=True)
class _Round:
    title: str
    instructions: str
    prompts: Prompts


class _Talk:
    """Keyboard-interactive: the questions come in another thread, the person is asked in ours.

    So that Ctrl-C leaves the terminal as it was, and a push that nobody confirms ends.
    """

    def __init__(self, ask: Prompter, login: Login) -> None:
        self._ask, self._host = ask, login.host
        self._who = f"({login.user}@{login.host}) "
        self._news: queue.SimpleQueue[_Round | Outcome | Exception] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()
        self.asked = False

    def hold(self, link: Link) -> Outcome:
        """Hold the whole conversation."""
        threading.Thread(target=self._listen, args=(link,), daemon=True).start()
        try:
            while True:
                news = self._next()
                if isinstance(news, Outcome):
                    return news
                if isinstance(news, Exception):
                    raise news
                self._answers.put(self._reply(news))
        finally:
            self._answers.put(None)  # the other thread, should it still wait, gives up

    def _listen(self, link: Link) -> None:
        try:
            self._news.put(link.try_answers(self._handle))
        except Exception as error:
            self._news.put(error)

    def _handle(self, title: str, instructions: str, prompts: Prompts) -> list[str]:
        self._news.put(_Round(title, instructions, prompts))
        answers = self._answers.get()
        if answers is None:
            raise ConnectionAbortedError("the person left")
        return answers

    def _next(self) -> _Round | Outcome | Exception:
        try:
            return self._news.get(timeout=_QUIET_SECONDS)
        except queue.Empty:
            self._ask.say(f"{self._host}: waiting for the second factor")
        try:
            return self._news.get(timeout=PUSH_SECONDS)
        except queue.Empty:
            raise AuthError(
                f"{self._host}: no second factor within {PUSH_SECONDS:g} s; run it again and "
                "confirm it in time"
            ) from None

    def _reply(self, news: _Round) -> list[str]:
        for text in (news.title, news.instructions):
            if text.strip():
                self._ask.say(text.strip())
        self.asked = self.asked or bool(news.prompts)
        return [self._ask.answer(self._who + prompt, echo=echo) for prompt, echo in news.prompts]


def _public(path: Path) -> bytes:
    """Return the public half that lies beside a private key; nothing if there is none."""
    try:
        words = Path(f"{path}.pub").read_text(errors="replace").split()
        return base64.b64decode(words[1])
    except (OSError, IndexError, binascii.Error):
        return b""

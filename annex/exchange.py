"""Exchange: a step goes through a bash that stays, and its answer is read while it goes."""

import selectors
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from annex.framing import Answer, Frame, Said
from glidein.errors import AuthError, ProviderError, RejectedError, TransientError

NOBODY = "nobody knows whether it was done. Run it again: what is there will be found"
_PIECE = 1 << 16
_LAST_WORD = 2.0  # seconds from the end of what is said to how it ended


class Shell(Protocol):
    """A bash at the other end of a channel, as paramiko shows it."""

    eof_received: bool
    closed: bool

    def fileno(self) -> int:
        """Return what becomes readable when there is news."""

    def recv_ready(self) -> bool:
        """Whether standard output can be read."""

    def recv(self, nbytes: int) -> bytes:
        """Read standard output."""

    def recv_stderr_ready(self) -> bool:
        """Whether standard error can be read."""

    def recv_stderr(self, nbytes: int) -> bytes:
        """Read standard error."""

    def sendall(self, s: bytes) -> None:
        """Write standard input."""

    def exit_status_ready(self) -> bool:
        """Whether it ended."""

    def recv_exit_status(self) -> int:
        """Return how it ended."""

    def close(self) -> None:
        """Hang up."""


def exchange(where: str, shell: Shell, frame: Frame, blob: Path | None, seconds: float) -> Said:
    """Send a step and read its answer while it is being sent."""
    answer, until = Answer(frame.mark), time.monotonic() + seconds
    sender = threading.Thread(target=_send, args=(shell, frame, blob), daemon=True)
    sender.start()
    with selectors.DefaultSelector() as news:
        news.register(shell, selectors.EVENT_READ)
        while (said := answer.said) is None:
            left = until - time.monotonic()
            over = shell.eof_received or shell.closed  # seen first: what came before can be read
            if shell.recv_ready():
                answer.out(shell.recv(_PIECE))
            elif shell.recv_stderr_ready():
                answer.err(shell.recv_stderr(_PIECE))
            elif over:
                raise _cut(where, shell, answer)
            elif left <= 0:
                raise TransientError(f"{where}: no end after {seconds:g} s; {NOBODY}")
            else:
                news.select(min(left, 1.0))
    sender.join()
    return said


def _send(shell: Shell, frame: Frame, blob: Path | None) -> None:
    """Write a step; a far side that is gone is noticed by who reads."""
    with suppress(Exception):
        shell.sendall(frame.head)
        sent = 0
        if blob:
            with blob.open("rb") as file:
                while piece := file.read(min(_PIECE, frame.blob - sent)):
                    shell.sendall(piece)
                    sent += len(piece)
        if sent < frame.blob:  # the file shrank: the far side waits for what will not come
            shell.close()


def _cut(where: str, shell: Shell, answer: Answer) -> ProviderError:
    until = time.monotonic() + _LAST_WORD
    while not shell.exit_status_ready() and time.monotonic() < until:
        time.sleep(0.01)
    status = shell.recv_exit_status() if shell.exit_status_ready() else -1
    if answer.begun or status < 0:
        return TransientError(f"{where}: the connection was cut in a step; {NOBODY}")
    said = answer.so_far
    if status in (126, 127):
        return RejectedError(f"{where}: there is no bash in the search path there: {said}")
    return AuthError(
        f"{where}: the login ended with status {status} before anything was run: {said}. "
        f"See what `ssh {where} bash` does"
    )

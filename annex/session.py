"""Steps over one remote bash, whatever carries its streams: paramiko's channel or ssh's pipes.

annex.framing says what is written and read; here are the clock and the ways in which it breaks.
"""

import secrets
import time
from pathlib import Path
from typing import Protocol

from annex.framing import Answer, framed
from annex.transport import Said

_CHUNK = 1 << 16


class Streams(Protocol):
    """A bash somewhere: what goes in, what comes out, and whether it is still there."""

    def send(self, data: bytes, seconds: float) -> int:
        """Write some of the data; return how much. Raises OSError when it cannot in that time."""

    def take(self) -> tuple[bytes, bytes]:
        """Return what has come on standard output and error, without waiting."""

    def wait(self, seconds: float) -> None:
        """Wait until something may have come, at most so long."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""

    def close(self) -> None:
        """End it."""


def step(bash: Streams, text: str, seconds: float, blob: Path | None) -> Said:
    """Run the text in the bash there. Raises OSError or EOFError when cut off, or out of time.

    After either, the bash is in the middle of something: close it.
    """
    mark = f"GLIDEIN-END-{secrets.token_hex(8)}"
    until = time.monotonic() + seconds
    answer = Answer(mark)
    _send(bash, framed(text, mark, blob.stat().st_size if blob else 0), answer, until)
    if blob:
        with blob.open("rb") as file:
            while piece := file.read(_CHUNK):
                _send(bash, piece, answer, until)
    while (said := answer.said()) is None:
        if time.monotonic() > until:
            raise TimeoutError(f"no answer within {seconds:.0f} s")
        over = bash.ended
        if not _take(bash, answer):
            if over:
                told = bytes(answer.err[-400:]).decode(errors="replace").split()
                raise EOFError(" ".join(told) or "it was closed")
            bash.wait(min(1.0, max(0.0, until - time.monotonic())))
    return said


def _send(bash: Streams, data: bytes, answer: Answer, until: float) -> None:
    """Write all, and hear meanwhile: what complains before it has read all must not block us."""
    place = 0
    while place < len(data):
        piece = data[place : place + _CHUNK]
        place += bash.send(piece, max(0.1, until - time.monotonic()))
        _take(bash, answer)


def _take(bash: Streams, answer: Answer) -> bool:
    out, err = bash.take()
    answer.out += out
    answer.err += err
    return bool(out or err)

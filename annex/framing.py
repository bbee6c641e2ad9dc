"""Framing: steps through one bash that stays, and how its answers are told apart. Pure.

A step is a line that bash reads, then the step's text, then a file's bytes. The text is read into
memory and evaluated there: it may hold a token, so it is in no argument, environment or file on
the far side. What is printed before the step begins (banners, start-up files) is no part of the
answer. The marks are random, so that nothing that is printed can be taken for them.
"""

import secrets
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Said:
    """How a step ended on the far side and what it said."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One step as bytes for bash's standard input; the bytes of a file follow, if it has one."""

    mark: str
    text: bytes
    blob: int = 0

    @property
    def head(self) -> bytes:
        """What is written before the file's bytes."""
        line = (
            f"printf '%s\\n' {self.mark}-begins; printf '%s\\n' {self.mark}-begins >&2; "
            f"far_t=$(head -c {len(self.text)}); head -c {self.blob} | "
            '{ (eval "$far_t") 9<&0 </dev/null; far_s=$?; cat >/dev/null; '
            f"printf '\\n%s %s\\n' {self.mark}-ends \"$far_s\"; "
            f"printf '\\n%s\\n' {self.mark}-ends >&2; }}; unset far_t\n"
        )
        return line.encode() + self.text


def frame(text: str, blob: int = 0) -> Frame:
    """Return the frame of a step with a mark of its own."""
    return Frame(f"far-{secrets.token_hex(8)}", text.encode("utf-8", "surrogateescape"), blob)


def read(mark: str, out: str, err: str) -> Said | None:
    """Return how a step ended from the whole of what came back; None if its end is missing."""
    answer = Answer(mark)
    answer.out(out.encode("utf-8", "replace"))
    answer.err(err.encode("utf-8", "replace"))
    return answer.said


@dataclass(slots=True)
class _Stream:
    """One stream of the answer; each piece is looked through once."""

    mark: str
    data: bytearray = field(default_factory=bytearray)
    begin: int = -1
    end: int = -1

    def take(self, piece: bytes) -> None:
        """Take a piece and look for the marks."""
        before = len(self.data)
        self.data += piece
        if self.begin < 0:
            words = f"{self.mark}-begins\n".encode()
            at = self.data.find(words, max(0, before - len(words)))
            self.begin = at + len(words) if at >= 0 else -1
        if self.begin >= 0 and self.end < 0:
            words = self._end_words
            self.end = self.data.find(words, max(self.begin, before - len(words)))

    @property
    def body(self) -> bytes:
        """What the step printed; the line break before the end mark is ours."""
        return bytes(self.data[self.begin : self.end])

    @property
    def rest(self) -> bytes | None:
        """What stands behind the end mark in its line, once that line is there."""
        if self.end < 0:
            return None
        start = self.end + len(self._end_words)
        stop = self.data.find(b"\n", start)
        return bytes(self.data[start:stop]) if stop >= 0 else None

    @property
    def _end_words(self) -> bytes:
        return f"\n{self.mark}-ends".encode()


class Answer:
    """What comes back, piece by piece, on both streams."""

    def __init__(self, mark: str) -> None:
        self._out, self._err = _Stream(mark), _Stream(mark)

    def out(self, piece: bytes) -> None:
        """Take a piece of standard output."""
        self._out.take(piece)

    def err(self, piece: bytes) -> None:
        """Take a piece of standard error."""
        self._err.take(piece)

    @property
    def begun(self) -> bool:
        """Whether the step is known to have begun."""
        return self._out.begin >= 0

    @property
    def said(self) -> Said | None:
        """Return how the step ended, once both streams are there to their ends."""
        word, other = self._out.rest, self._err.rest
        if word is None or other is None:
            return None
        number = word.decode("ascii", "replace").strip()
        status = int(number) if number.isascii() and number.isdecimal() else 1
        return Said(status, _decoded(self._out.body), _decoded(self._err.body))

    @property
    def so_far(self) -> str:
        """Return all that came, for a message: what a far side says that never began a step."""
        return " ".join(f"{_decoded(self._err.data)} {_decoded(self._out.data)}".split())[-500:]


def _decoded(piece: bytes | bytearray) -> str:
    return piece.decode("utf-8", "replace")

"""How steps travel over one remote bash that stays: what is written to it, what comes back. Pure.

A step's text holds a token, so it may stand in no argument, environment or file: bash reads it by
head into a variable and evaluates that, in a shell of its own. What travels behind it, as it is,
is on descriptor 9 there; whatever the step leaves of it is thrown away, so that it cannot be taken
for the next step. The end is a mark that is random, on both streams, with the step's status.
"""

from dataclasses import dataclass, field

from annex.transport import Said

# How a line of the frame may be longer than a shell reads at once is no question: it is short.
_FRAME = (
    'far_t=$(head -c {size}); head -c {blob} | {{ (eval "$far_t") 9<&0 </dev/null; far_s=$?; '
    "cat >/dev/null; printf '\\n%s %s\\n' {mark} \"$far_s\"; printf '\\n%s\\n' {mark} >&2; }}; "
    "unset far_t\n"
)


def framed(text: str, mark: str, blob: int = 0) -> bytes:
    """Return what is written for one step, before the `blob` bytes that travel with it."""
    body = text.encode()
    return _FRAME.format(size=len(body), blob=blob, mark=mark).encode() + body


@dataclass(slots=True)
class Answer:
    """What has come of one step's answer so far: append to `out` and `err`, then ask said()."""

    mark: str
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    _looked: list[int] = field(default_factory=lambda: [0, 0])

    def said(self) -> Said | None:
        """Return the whole answer once both streams have ended; until then None."""
        end = self._find(0, self.out, f"\n{self.mark} ".encode())
        silent = self._find(1, self.err, f"\n{self.mark}\n".encode())
        if end < 0 or silent < 0:
            return None
        status, newline, _ = self.out[end + len(self.mark) + 2 :].partition(b"\n")
        if not newline:
            return None
        code = int(status) if status.isdigit() else 255
        out, err = bytes(self.out[:end]), bytes(self.err[:silent])
        return Said(code, out.decode(errors="replace"), err.decode(errors="replace"))

    def _find(self, which: int, stream: bytearray, mark: bytes) -> int:
        """Return where the mark stands, looking only at what has not been looked at; else -1."""
        found = stream.find(mark, self._looked[which])
        self._looked[which] = found if found >= 0 else max(0, len(stream) - len(mark))
        return found

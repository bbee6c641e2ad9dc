"""Transports: how a step reaches the machine where batch jobs are submitted.

A step is text for bash's standard input, so a transport has to start just `bash`: no argument has
to survive a login shell, and one step is one round trip. LocalTransport is this machine.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from annex import framing
from annex.framing import Said as Said
from glidein import process
from glidein.errors import TransientError


class Transport(Protocol):
    """A way to a machine."""

    @property
    def where(self) -> str:
        """The machine's name, as messages use it."""

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Run the text in bash there, for at most `seconds`; raise TransientError when cut off.

        After that error nobody knows whether the step was done, in part or whole. The step reads
        the bytes of the file `blob` from its descriptor 9.
        """

    def close(self) -> None:
        """End the connection, if there is one; a later step opens another."""


class LocalTransport:
    """This machine, or whatever `bash` is a way into: a command that ends in a bash."""

    def __init__(self, bash: Sequence[str] = ("bash",), where: str = "this machine") -> None:
        self.where = where
        self._bash = tuple(bash)

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Run the text in a bash of its own."""
        if blob is None:
            result = self._run(text, seconds)
            return Said(result.returncode, result.stdout, result.stderr)
        content = blob.read_bytes()
        frame = framing.frame(text, len(content))
        result = self._run(frame.head + content, seconds)
        said = framing.read(frame.mark, result.stdout, result.stderr)
        if said is None:
            raise TransientError(f"{self.where}: a step was cut off: {result.stderr.strip()}")
        return said

    def close(self) -> None:
        """Do nothing: each step has a bash of its own."""

    def _run(self, stdin: str | bytes, seconds: float) -> process.Result:
        try:
            return process.run(self._bash, timeout=seconds, stdin=stdin, check=False)
        except process.CommandError as error:
            raise TransientError(f"{self.where}: a step was cut off: {error}") from error

"""Transports: how a step reaches the machine where batch jobs are submitted.

A step is text for bash's standard input, so a transport has to start just `bash`: no argument has
to survive a login shell, and one step is one round trip. LocalTransport is this machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from glidein import process, quoting
from glidein.errors import TransientError


@dataclass(frozen=True, slots=True)
class Said:
    """How a step ended on the far side and what it said."""

    status: int
    out: str
    err: str


class Transport(Protocol):
    """A way to a machine."""

    @property
    def where(self) -> str:
        """The machine's name, as messages use it."""

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Run the text in bash there, for at most `seconds`; raise TransientError when cut off.

        After that error nobody knows whether the step was done, in part or whole. The bytes of
        `blob` are on descriptor 9 there.
        """

    def close(self) -> None:
        """Give the way up; what runs on the far side goes on."""


class LocalTransport:
    """This machine, or whatever `bash` is a way into: a command that ends in a bash."""

    def __init__(self, bash: Sequence[str] = ("bash",), where: str = "this machine") -> None:
        self.where = where
        self._bash = tuple(bash)

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Run the text in a bash of its own."""
        opened = f"exec 9<{quoting.sh(str(blob))} || exit\n" if blob else ""
        try:
            result = process.run(self._bash, timeout=seconds, stdin=opened + text, check=False)
        except process.CommandError as error:
            raise TransientError(f"{self.where}: a step was cut off: {error}") from error
        return Said(result.returncode, result.stdout, result.stderr)

    def close(self) -> None:
        """Do nothing: each step is a process of its own."""

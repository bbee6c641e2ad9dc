"""A client that kills itself at the n-th thing it does: python -m tests.slurm.killed ORDER N.

ORDER is a JSON file that says what to launch and how the login node is reached. What is counted:
the moments before and after each line of the ledger and each message, and in between, when the
message is on its way and nobody is left to hear the reply.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from annex.provider import BatchProvider
from annex.slurm_dialect import SlurmDialect
from annex.transport import LocalTransport, Said
from glidein import catalogue, process, starting
from glidein.ledger import Ledger
from glidein.model import PilotSpec, PoolAddress, Request, Resources, RuntimeChoice
from tests.contract.places import STANDIN


class Doom:
    """Counts what happens, and kills this process when its number comes up."""

    def __init__(self, number: int) -> None:
        self.left = number

    def comes(self) -> bool:
        """Count one thing; whether it is the last."""
        self.left -= 1
        return self.left == 0

    def passes(self) -> None:
        """Count one thing."""
        if self.comes():
            os.kill(os.getpid(), signal.SIGKILL)


class DoomedLedger(Ledger):
    """A ledger around whose every line the client may die."""

    def __init__(self, folder: Path, doom: Doom) -> None:
        super().__init__(folder)
        self._doom = doom

    def _write(self, folder: Path, line: Mapping[str, object]) -> None:
        self._doom.passes()
        super()._write(folder, line)
        self._doom.passes()

    def intend(self, request: Request, **note: object) -> Path:
        """Record it, and count that it was."""
        folder = super().intend(request, **note)
        self._doom.passes()
        return folder


class DoomedTransport(LocalTransport):
    """A way around whose every message, and in whose midst, the client may die."""

    def __init__(self, bash: list[str], doom: Doom, folder: Path) -> None:
        super().__init__(bash, "login")
        self._doom, self._argv, self._folder = doom, bash, folder

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Run the text there, or leave it to itself."""
        self._doom.passes()
        if self._doom.comes():
            sent = self._folder / "sent"
            sent.write_text(text)
            with sent.open() as file:
                process.spawn(self._argv, log=self._folder / "unheard", stdin=file.fileno())
            time.sleep(self._doom.left + 0.05)
            os.kill(os.getpid(), signal.SIGKILL)
        said = super().step(text, seconds, blob)
        self._doom.passes()
        return said


def request(identifier: str) -> Request:
    """Return the request: one small pilot that leaves when it is told to."""
    size = Resources(cpus=1, memory_mb=256, gpus=0)
    spec = PilotSpec(PoolAddress("127.0.0.1", 9), ("alice",), resources=size, lifetime=600,
                     idle_time=300, grace=5)  # fmt: skip
    return Request(identifier, "batch:bed", spec, datetime.now(UTC), 1, RuntimeChoice("/nowhere"))


def dialect() -> SlurmDialect:
    """Return Slurm with a stand-in for the payload."""
    return SlurmDialect(catalogue.merge(catalogue.shipped()), STANDIN.read_text())


def main(order: Path, number: int) -> None:
    """Launch what the order says, and die on the way."""
    told, folder, doom = json.loads(order.read_text()), order.parent, Doom(number)
    way = DoomedTransport(told["bash"], doom, folder)
    provider = BatchProvider("batch:bed", dialect(), way)
    ledger = DoomedLedger(folder / "state", doom)
    starting.start(ledger, provider, request(told["id"]), folder / "token")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

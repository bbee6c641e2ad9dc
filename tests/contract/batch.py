"""The Slurm bed under contract: real sbatch, squeue, sacct and scancel, a stand-in for the payload.

The client is an ordinary user on the login node.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from annex.provider import BatchProvider
from annex.slurm_dialect import SlurmDialect
from annex.transport import LocalTransport
from glidein import catalogue
from glidein.host import identity
from glidein.model import RuntimeChoice
from tests.beds.slurm import SlurmBed
from tests.contract.places import STANDIN, Place, _read, until


class SlurmPlace(Place):
    """The Slurm bed's generic cluster, reached from its login node as alice."""

    runtime = RuntimeChoice("/nowhere")
    rounds = 8

    def __init__(self, folder: Path, bed: SlurmBed) -> None:
        self.bed = bed
        super().__init__(folder)

    def client(self) -> BatchProvider:
        bash = self.bed.command("login", "alice", "bash")
        dialect = SlurmDialect(catalogue.merge(catalogue.shipped()), STANDIN.read_text())
        return BatchProvider("batch:bed", dialect, LocalTransport(bash, "login"))

    def running(self, request_id: str) -> int:
        return len(self._pilots(request_id))

    def leftovers(self, request_id: str) -> list[str]:
        place = self._place(request_id)
        kept = [str(each) for each in place.rglob("*") if each.is_file()]
        allowed = (
            ".log", ".out", "/submitted", "/cancelled", "/request", "/asking", "/refused",
        )  # fmt: skip
        files = [each for each in kept if not each.endswith(allowed)]
        # A launch that was overtaken by a cancel takes its batch job back a moment later.
        until(lambda: not self._on("squeue", "-h", "-n", request_id), 10)
        queued = self._on("squeue", "-h", "-u", "alice", "-n", request_id).split()
        return files + queued + [str(each) for each in self._pilots(request_id)]

    def finish(self, request_id: str) -> None:
        assert until(lambda: bool(self._pilots(request_id)))
        self._kill(request_id, signal.SIGTERM)

    def vanish(self, request_id: str) -> None:
        assert until(lambda: bool(self._pilots(request_id)))
        self._kill(request_id, signal.SIGKILL)

    @contextmanager
    def failing(self) -> Iterator[None]:
        self._root("scontrol", "update", "PartitionName=batch", "State=INACTIVE")
        yield
        self._root("scontrol", "update", "PartitionName=batch", "State=UP")

    @contextmanager
    def half_blind(self, request_id: str) -> Iterator[None]:
        assert until(lambda: "joined" in self.provider.logs(request_id).get(0, ""))
        place = self._place(request_id)
        place.chmod(0)
        yield
        place.chmod(0o700)

    def close(self) -> None:
        self._root("scancel", "--user=alice")
        assert until(lambda: not self._on("squeue", "-h", "-u", "alice"), 60)

    def _place(self, request_id: str) -> Path:
        return self.bed.home("alice") / ".local/state/glidein/batch" / request_id

    def _kill(self, request_id: str, number: int) -> None:
        for pid in self._pilots(request_id):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        assert until(lambda: not self._on("squeue", "-h", "-n", request_id), 60)

    def _pilots(self, request_id: str) -> list[int]:
        mark = f"/{request_id}/run.".encode()
        return [
            each.pid
            for each in identity.everybody()
            if (shown := _read(each.pid, "cmdline")).split(b"\0")[0].endswith(b"bash")
            and mark in shown
            and b"/pilot.sh\0--conf" in shown
        ]

    def _on(self, *argv: str) -> str:
        return self.bed.on("login", "alice", *argv).stdout

    def _root(self, *argv: str) -> None:
        self.bed.on("head", "root", *argv)

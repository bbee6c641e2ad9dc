"""An HTCondor site under contract: real condor_submit, condor_q, condor_history and condor_rm.

The pilots are a stand-in for the payload, each in a batch job of its own.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from annex.condor_dialect import CondorDialect
from annex.provider import BatchProvider
from annex.transport import LocalTransport
from glidein import catalogue
from glidein.host import identity
from tests.beds.condorsite import CondorSite
from tests.contract.places import STANDIN, Place, _read, until


class CondorPlace(Place):
    """A pool with one machine, reached from its access point as an ordinary user."""

    payload = STANDIN.read_text()
    rounds = 8

    def __init__(self, folder: Path, site: CondorSite) -> None:
        self.site = site
        super().__init__(folder)

    def client(self) -> BatchProvider:
        dialect = CondorDialect(catalogue.merge(catalogue.shipped()), self.payload)
        transport = LocalTransport(self.site.bash(), "the access point")
        return BatchProvider("batch:pool", dialect, transport)

    def running(self, request_id: str) -> int:
        return len(self._pilots(request_id))

    def leftovers(self, request_id: str) -> list[str]:
        place = self._place(request_id)
        kept = [str(each) for each in place.rglob("*") if each.is_file()]
        allowed = (".log", ".out", "/submitted", "/cancelled", "/request", "/asking")
        files = [each for each in kept if not each.endswith(allowed)]
        # A launch that was overtaken by a cancel takes its batch job back a moment later.
        until(lambda: not self._queued(request_id), 10)
        return files + self._queued(request_id) + [str(each) for each in self._pilots(request_id)]

    def finish(self, request_id: str) -> None:
        assert until(lambda: bool(self._pilots(request_id)))
        self._kill(request_id, signal.SIGTERM)

    def vanish(self, request_id: str) -> None:
        assert until(lambda: bool(self._pilots(request_id)))
        self._kill(request_id, signal.SIGKILL)

    @contextmanager
    def failing(self) -> Iterator[None]:
        self.site.open(really=False)
        yield
        self.site.open(really=True)

    @contextmanager
    def half_blind(self, request_id: str) -> Iterator[None]:
        assert until(lambda: "joined" in self.provider.logs(request_id).get(0, ""))
        place = self._place(request_id)
        place.chmod(0)
        yield
        place.chmod(0o700)

    def close(self) -> None:
        self.site.on("condor_rm", "-constraint", "true")
        assert until(lambda: not self.site.on("condor_q", "-af", "ClusterId"), 60)
        self.site.on("rm", "-rf", str(self.site.home / ".local"))

    def _place(self, request_id: str) -> Path:
        return self.site.home / ".local/state/glidein/batch" / request_id

    def _queued(self, request_id: str) -> list[str]:
        wanted = f'GlideinRequest == "{request_id}"'
        return self.site.on("condor_q", "-constraint", wanted, "-af", "ClusterId").split()

    def _kill(self, request_id: str, number: int) -> None:
        """Signal its pilots, those too that a look at all processes missed, until all is over."""

        def over() -> bool:
            for pid in self._pilots(request_id):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            return not self._queued(request_id)

        assert until(over, 60)

    def _pilots(self, request_id: str) -> list[int]:
        """Return the pilots' own processes: they run the executable with a pilot.conf of theirs."""
        mark = os.fsencode(f"REQUEST_ID='{request_id}'")
        return [
            each.pid
            for each in identity.everybody()
            if b"/pilot.sh\0--conf\0pilot." in (shown := _read(each.pid, "cmdline"))
            and mark in _conf(each.pid, shown)
        ]


def _conf(pid: int, shown: bytes) -> bytes:
    """Return the pilot.conf that a process was told of, as it lies in its working folder."""
    name = os.fsdecode(shown.partition(b"--conf\0")[2].partition(b"\0")[0])
    return _read(pid, f"cwd/{name}")

"""The places under contract. A room adds its own with one line in PLACES.

A place gives the suite a provider and the means to look behind it: what really runs, what was
really left, independent of what the provider says.
"""

import os
import secrets
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from glidein import process
from glidein.errors import TransientError
from glidein.fakes import FakeProvider, FakeSite
from glidein.host import HostProvider, identity
from glidein.ledger import Ledger
from glidein.model import (
    PilotSpec,
    PoolAddress,
    Request,
    Resources,
    RuntimeChoice,
    new_request_id,
)
from glidein.provider import Provider

STANDIN = Path(__file__).parents[1] / "host" / "standin.sh"


def until(true: Callable[[], bool], seconds: float = 30) -> bool:
    """Wait until something holds; return whether it came to hold."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Place(ABC):
    """A provider under test, and what lies behind it."""

    pool = PoolAddress("127.0.0.1", 9)
    runtime: RuntimeChoice | None = None
    rounds = 24  # how often what is a matter of moments is tried

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = Ledger(folder / "state")
        self.secret = "eyJh." + secrets.token_urlsafe(60)
        self.token = folder / "token"
        self.token.touch(mode=0o600)
        self.token.write_text(self.secret + "\n")
        self.provider = self.client()

    @abstractmethod
    def client(self) -> Provider:
        """Return one more client of the same place, which remembers nothing."""

    @abstractmethod
    def running(self, request_id: str) -> int:
        """Count the pilots of a request that really run."""

    @abstractmethod
    def leftovers(self, request_id: str) -> list[str]:
        """Name whatever a stopped request should not have left: tokens, folders, processes."""

    @abstractmethod
    def finish(self, request_id: str) -> None:
        """Let its pilots leave as if by themselves, and wait until they did."""

    @abstractmethod
    def vanish(self, request_id: str) -> None:
        """Let its pilots die at once, without a word."""

    @abstractmethod
    def failing(self) -> AbstractContextManager[None]:
        """Within, a launch fails before anything is started."""

    @abstractmethod
    def half_blind(self, request_id: str) -> AbstractContextManager[None]:
        """Within, a listing cannot see that request."""

    def request(self, pilots: int = 1, spec: PilotSpec | None = None) -> Request:
        """Return a request whose intent is in the ledger."""
        now = datetime.now(UTC)
        identifier = new_request_id(now, secrets.token_bytes(7))
        request = Request(
            identifier, self.provider.name, spec or self.spec(), now, pilots, self.runtime
        )
        self.ledger.intend(request)
        return request

    def spec(self, owners: tuple[str, ...] = ("alice",)) -> PilotSpec:
        """Return the spec of a small pilot."""
        size = Resources(cpus=1, memory_mb=256, gpus=0)
        return PilotSpec(self.pool, owners, resources=size, lifetime=600, idle_time=300, grace=5)

    @abstractmethod
    def close(self) -> None:
        """End and remove all."""


class FakePlace(Place):
    """The fake that ships."""

    def __init__(self, folder: Path) -> None:
        self.site = FakeSite()
        super().__init__(folder)

    def client(self) -> FakeProvider:
        return FakeProvider(self.site)

    def running(self, request_id: str) -> int:
        seen = self.site.requests.get(request_id)
        return len(seen.pilots) if seen and seen.state == "running" else 0

    def leftovers(self, request_id: str) -> list[str]:
        return []

    def finish(self, request_id: str) -> None:
        self.site.finish(request_id)

    def vanish(self, request_id: str) -> None:
        self.site.vanish(request_id)

    @contextmanager
    def failing(self) -> Iterator[None]:
        assert isinstance(self.provider, FakeProvider)
        self.provider.fail_next("launch", TransientError("cut"))
        yield

    @contextmanager
    def half_blind(self, request_id: str) -> Iterator[None]:
        assert isinstance(self.provider, FakeProvider)
        self.provider.hidden.add(request_id)
        yield
        self.provider.hidden.clear()

    def close(self) -> None:
        self.site.requests.clear()


class HostPlace(Place):
    """This machine, with a stand-in for the payload."""

    payload: Path | None = STANDIN

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.work.mkdir()
        super().__init__(folder)

    def client(self) -> HostProvider:
        return HostProvider(self.folder / "state", self.payload, self.work)

    def running(self, request_id: str) -> int:
        return len(self._pilots(request_id))

    def leftovers(self, request_id: str) -> list[str]:
        files = [str(each) for each in self.ledger.folder.rglob("token*")]
        files += [str(each) for each in (self.ledger.folder / request_id).rglob(".new-*")]
        files += [str(each) for each in self.work.iterdir()]
        return files + [str(each) for each in (*self._pilots(request_id), *self._marked())]

    def finish(self, request_id: str) -> None:
        for pid in self._pilots(request_id):
            os.kill(pid, signal.SIGTERM)
        assert until(lambda: not self._pilots(request_id))

    def vanish(self, request_id: str) -> None:
        _kill([*self._pilots(request_id), *self._marked()])

    @contextmanager
    def failing(self) -> Iterator[None]:
        assert isinstance(self.provider, HostProvider)
        good, self.provider.payload = self.provider.payload, self.folder / "not there"
        yield
        self.provider.payload = good

    @contextmanager
    def half_blind(self, request_id: str) -> Iterator[None]:
        record = self.ledger.folder / request_id / "host" / "request.json"
        good = record.read_bytes()
        record.write_bytes(b"\0 what a full disk left")
        yield
        record.write_bytes(good)

    def close(self) -> None:
        _kill([*self._pilots(""), *self._marked()])

    def _marked(self) -> list[int]:
        """Return the processes that work in our work folder, whosever."""
        mark = os.fsencode(f"GLIDEIN_PILOT={self.work}/")
        return [each.pid for each in identity.everybody() if mark in _read(each.pid, "environ")]

    def _pilots(self, request_id: str) -> list[int]:
        """Return the pilots' own processes: those that lead a session and run pilot.sh."""
        mark = os.fsencode(f"{self.ledger.folder}/{request_id}")
        return [
            each.pid
            for each in identity.everybody()
            if mark in (shown := _read(each.pid, "cmdline"))
            and b"/pilot.sh\0--conf" in shown
            and os.getsid(each.pid) == each.pid
        ]


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert until(lambda: not any(process.alive(pid) for pid in pids))


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


PLACES: dict[str, Callable[[Path], Place]] = {"fake": FakePlace, "host": HostPlace}

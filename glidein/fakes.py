"""A provider that starts nothing, for tests: ours and those of whoever writes a room or a policy.

    site = FakeSite()
    provider = FakeProvider(site)
    provider.fail_next("launch", TransientError("cut"), went_through=True)

What it "starts" lives in a FakeSite: several FakeProviders on one site are several clients of one
place. It passes the contract suite, so what holds for it holds for the real ones: launch adopts,
cancel of what is gone is success, an incomplete listing leaves things out.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from glidein.errors import CapacityError, ConfigError, GlideinError, NotFoundError, RejectedError
from glidein.model import (
    PASS,
    Finding,
    Listing,
    Offer,
    PilotName,
    PilotSpec,
    PilotState,
    Request,
    RequestState,
    Resources,
    SeenPilot,
    SeenRequest,
    checked_request_id,
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a provider: method, the request's id if there was one, and when."""

    method: str
    request_id: str
    at: datetime


@dataclass(slots=True)
class FakeSite:
    """The place: what was started there. `capacity` bounds the pilots that may run at once."""

    capacity: int = 1000
    size: Resources = field(default_factory=lambda: Resources(cpus=8, memory_mb=16384))
    requests: dict[str, SeenRequest] = field(default_factory=dict)
    printed: dict[str, dict[int, str]] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def running(self) -> int:
        """How many pilots run."""
        alive = (RequestState.QUEUED, RequestState.RUNNING)
        return sum(len(seen.pilots) for seen in self.requests.values() if seen.state in alive)

    def set_state(
        self, request_id: str, state: RequestState, pilots: PilotState, reason: str = ""
    ) -> None:
        """Move a request and all its pilots on."""
        with self.lock:
            seen = self.requests[request_id]
            moved = tuple(replace(pilot, state=pilots) for pilot in seen.pilots)
            self.requests[request_id] = replace(seen, state=state, pilots=moved, reason=reason)

    def finish(self, request_id: str, reason: str = "idle") -> None:
        """Let the pilots leave by themselves, with a report."""
        self.set_state(request_id, RequestState.ENDED, PilotState.ENDED, reason)
        with self.lock:
            seen = self.requests[request_id]
            told = tuple(
                replace(
                    pilot,
                    report={"request": request_id, "pilot": pilot.name.index, "reason": reason},
                )
                for pilot in seen.pilots
            )
            self.requests[request_id] = replace(seen, pilots=told)

    def vanish(self, request_id: str) -> None:
        """Let the pilots die without a word."""
        self.set_state(request_id, RequestState.ENDED, PilotState.LOST, "ended without a report")

    def forget(self, request_id: str) -> None:
        """Let the place know the request no more, as batch systems do with what ended."""
        with self.lock:
            del self.requests[request_id]


@dataclass(frozen=True, slots=True)
class _Fault:
    error: GlideinError
    went_through: bool


class FakeProvider:
    """One client of a FakeSite. `clock` says what time it is; `calls` is what was asked."""

    def __init__(
        self,
        site: FakeSite | None = None,
        name: str = "fake",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        next_error: GlideinError | None = None,
    ) -> None:
        self.site = site or FakeSite()
        self._name = name
        self.clock = clock
        self.calls: list[Call] = []
        self.hidden: set[str] = set()
        self._faults: dict[str, list[_Fault]] = {}
        if next_error is not None:
            self.fail_next("launch", next_error)

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self._name

    def fail_next(
        self, method: str, error: GlideinError, *, went_through: bool = False, times: int = 1
    ) -> None:
        """Let the next calls of `method` raise; with `went_through` only the answer is lost."""
        self._faults.setdefault(method, []).extend([_Fault(error, went_through)] * times)

    def offer(self, spec: PilotSpec) -> Offer:
        """Say how many pilots of that size the site has room for."""
        fault = self._called("offer")
        whole = self.site.size
        size = replace(
            spec.resources,
            cpus=spec.resources.cpus or whole.cpus,
            memory_mb=spec.resources.memory_mb or whole.memory_mb,
        )
        fits = (size.cpus or 0) <= (whole.cpus or 0) and (size.memory_mb or 0) <= (
            whole.memory_mb or 0
        )
        left = max(0, self.site.capacity - self.site.running) if fits else 0
        self._answer(fault)
        return Offer(left, size, f"{self.site.running} of {self.site.capacity} pilots run")

    def launch(self, request: Request, token: Path) -> str:
        """Start the request, or adopt what an earlier launch started."""
        fault = self._called("launch", request.id)
        with self.site.lock:
            if request.id in self.site.spent:
                raise RejectedError(f"{self.name}: request {request.id} was cancelled")
            if request.id not in self.site.requests:
                self._start(request, token)
            self._answer(fault)
            return self.site.requests[request.id].remote_id

    def list(self) -> Listing:
        """Return what the site knows; incomplete while `hidden` holds ids, and without those."""
        fault = self._called("list")
        with self.site.lock:
            known = self.site.requests.values()
            seen = tuple(each for each in known if each.id not in self.hidden)
        self._answer(fault)
        why = f"{self.name} did not answer for {len(self.hidden)} requests" if self.hidden else ""
        return Listing(not self.hidden, seen, why)

    def cancel(self, request_id: str, *, fast: bool = False) -> None:
        """Stop the request; what is gone or unknown is success."""
        fault = self._called("cancel", checked_request_id(request_id))
        with self.site.lock:
            seen = self.site.requests.get(request_id)
            if seen is not None:
                self.site.spent.add(request_id)
                if seen.state is not RequestState.ENDED:
                    self.site.finish(request_id, "told")
        self._answer(fault)

    def logs(self, request_id: str) -> dict[int, str]:
        """Return what each pilot printed."""
        fault = self._called("logs", checked_request_id(request_id))
        self._answer(fault)
        if request_id not in self.site.printed:
            raise NotFoundError(f"{self.name}: there is no request {request_id}")
        return dict(self.site.printed[request_id])

    def check(self) -> tuple[Finding, ...]:
        """Say that all is well."""
        self._answer(self._called("check"))
        return (Finding(PASS, "fake", "it starts nothing, and well"),)

    def _start(self, request: Request, token: Path) -> None:
        try:
            secret = token.read_bytes()
        except OSError as error:
            raise ConfigError.one("token", f"{token} cannot be read: {error.strerror}") from error
        if not secret.strip():
            raise ConfigError.one("token", f"{token} holds no token")
        if self.site.running + request.pilots > self.site.capacity:
            raise CapacityError(f"{self.name}: no room for {request.pilots} more pilots")
        names = [PilotName(request.id, index) for index in range(request.pilots)]
        self.site.requests[request.id] = SeenRequest(
            request.id,
            RequestState.RUNNING,
            remote_id=f"fake-{len(self.site.requests) + 1}",
            created=request.created,
            started=self.clock(),
            pilots=tuple(SeenPilot(name, PilotState.JOINED) for name in names),
        )
        self.site.printed[request.id] = {name.index: f"pilot {name} joined\n" for name in names}

    def _called(self, method: str, request_id: str = "") -> _Fault | None:
        self.calls.append(Call(method, request_id, self.clock()))
        waiting = self._faults.get(method)
        fault = waiting.pop(0) if waiting else None
        if fault is not None and not fault.went_through:
            raise fault.error
        return fault

    def _answer(self, fault: _Fault | None) -> None:
        if fault is not None:
            raise fault.error

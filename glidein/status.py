"""Status: requests and their pilots, joined from the ledger, the providers and the pool. Pure.

Two witnesses are kept apart and joined here: the provider says whether a pilot runs, the pool
whether it joined and what it does. The end is the provider's word; everything between joining and
leaving is the pool's. A pool that could not be read takes nothing away.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from glidein.matching import Ad
from glidein.model import PilotName, PilotState, RequestState, SeenPilot
from glidein.requests import Row

ATTRIBUTES = (
    "Name", "Machine", "State", "Activity", "Cpus", "TotalSlotCpus", "PartitionableSlot",
    "DynamicSlot", "RemoteOwner", "GlobalJobId", "GlideinRequest", "GlideinPilot",
    "GlideinRestart", "GlideinDeadline", "GlideinDraining",
)  # fmt: skip
_OVER = (PilotState.ENDED, PilotState.NEVER_JOINED, PilotState.LOST)


@dataclass(frozen=True, slots=True)
class PilotStatus:
    """One pilot: state, cores offered and busy, jobs running, seconds left, and where it is."""

    name: str
    state: PilotState
    detail: str = ""
    host: str = ""
    cores: int = 0
    busy_cores: int = 0
    jobs: int = 0
    seconds_left: int | None = None


@dataclass(frozen=True, slots=True)
class RequestStatus:
    """One request: where it is and why, how many pilots were asked for, and each that is known."""

    id: str
    provider: str
    state: RequestState
    reason: str
    asked: int
    pilots: tuple[PilotStatus, ...]

    @property
    def joined(self) -> int:
        """How many of its pilots are in the pool now."""
        there = (PilotState.JOINED, PilotState.IDLE, PilotState.BUSY, PilotState.DRAINING)
        return sum(pilot.state in there for pilot in self.pilots)

    @property
    def cores(self) -> int:
        """Cores its pilots offer now."""
        return sum(pilot.cores for pilot in self.pilots)

    @property
    def busy_cores(self) -> int:
        """Cores of them that jobs have."""
        return sum(pilot.busy_cores for pilot in self.pilots)

    @property
    def seconds_left(self) -> int | None:
        """Seconds until its last pilot's end; None if none is in the pool."""
        return max(
            (p.seconds_left for p in self.pilots if p.seconds_left is not None), default=None
        )


def join(rows: Iterable[Row], slots: Iterable[Ad], now: float) -> tuple[RequestStatus, ...]:
    """Return every request of the rows, then pilots of ours that only the pool knows.

    `slots` are the pool's ads of pilots; `now` is in seconds since 1970.
    """
    by_pilot = _by_pilot(slots)
    known = [_request(row, by_pilot, now) for row in rows]
    strangers = sorted({name.request_id for name in by_pilot} - {each.id for each in known})
    return (*known, *(_only_in_pool(each, by_pilot, now) for each in strangers))


def _request(row: Row, by_pilot: Mapping[PilotName, Sequence[Ad]], now: float) -> RequestStatus:
    seen = {each.name: each for each in row.pilots}
    names = sorted({*seen, *(name for name in by_pilot if name.request_id == row.id)})
    pilots = tuple(_pilot(name, seen.get(name), by_pilot.get(name, ()), now) for name in names)
    asked = row.record.request.pilots if row.record else len(pilots)
    return RequestStatus(row.id, row.provider, row.state, row.reason, asked, pilots)


def _only_in_pool(
    request_id: str, by_pilot: Mapping[PilotName, Sequence[Ad]], now: float
) -> RequestStatus:
    names = sorted(name for name in by_pilot if name.request_id == request_id)
    pilots = tuple(_pilot(name, None, by_pilot[name], now) for name in names)
    why = "in the pool; this ledger does not know it"
    return RequestStatus(request_id, "?", RequestState.RUNNING, why, len(pilots), pilots)


def _pilot(name: PilotName, seen: SeenPilot | None, ads: Sequence[Ad], now: float) -> PilotStatus:
    if not ads or (seen is not None and seen.state in _OVER):
        state = seen.state if seen else PilotState.LOST
        return PilotStatus(str(name), state, seen.detail if seen else "")
    whole = next((ad for ad in ads if ad.value("PartitionableSlot") is True), ads[0])
    jobs = sum(ad.string("Activity") == "Busy" for ad in ads if ad is not whole)
    cores = whole.integer("TotalSlotCpus")
    deadline = whole.number("GlideinDeadline")
    return PilotStatus(
        str(name),
        _state(whole, jobs),
        seen.detail if seen else "",
        whole.string("Machine"),
        cores,
        cores - whole.integer("Cpus", cores),
        jobs,
        None if deadline is None else max(0, round(deadline - now)),
    )


def _state(whole: Ad, jobs: int) -> PilotState:
    if whole.value("GlideinDraining") is True or whole.string("State") == "Drained":
        return PilotState.DRAINING
    return PilotState.BUSY if jobs else PilotState.IDLE


def _by_pilot(slots: Iterable[Ad]) -> dict[PilotName, list[Ad]]:
    found: dict[PilotName, list[Ad]] = {}
    for ad in slots:
        name = PilotName.parse(ad.string("Name"))
        if name is not None:
            found.setdefault(name, []).append(ad)
    return found

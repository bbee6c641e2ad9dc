"""Status: requests and their pilots, joined from the ledger, the providers and the pool. Pure.

Two witnesses are kept apart and joined here: the provider says whether a pilot runs, the pool
whether it joined and what it does. The end is the provider's word; everything between joining and
leaving is the pool's. A pool that could not be read takes nothing away. It keeps the ad of a
pilot that was killed until the ad expires: an ad that nobody renews is told apart by its age.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from glidein import prediction
from glidein.matching import Ad
from glidein.model import PilotName, PilotState, RequestState, SeenPilot
from glidein.requests import Row

ATTRIBUTES = (
    "Name", "Machine", "State", "Activity", "Cpus", "TotalSlotCpus", "PartitionableSlot",
    "DynamicSlot", "RemoteOwner", "GlobalJobId", "GlideinRequest", "GlideinPilot",
    "GlideinRestart", "GlideinDeadline", "GlideinDraining", "LastHeardFrom",
    "AuthenticatedIdentity",
)  # fmt: skip
_OVER = (PilotState.ENDED, PilotState.NEVER_JOINED, PilotState.LOST)


_THERE = (PilotState.JOINED, PilotState.IDLE, PilotState.BUSY, PilotState.DRAINING)


@dataclass(frozen=True, slots=True)
class PilotStatus:
    """One pilot: state, cores offered and busy, jobs running, seconds left, and where it is.

    `heard` is how many seconds ago the pool heard of it; None if the pool has no ad of it. What
    only the pool could tell of a pilot that may be there is None.
    """

    name: str
    state: PilotState
    detail: str = ""
    host: str = ""
    cores: int | None = 0
    busy_cores: int | None = 0
    jobs: int | None = 0
    seconds_left: int | None = None
    heard: int | None = None


@dataclass(frozen=True, slots=True)
class RequestStatus:
    """One request: where it is and why, how many pilots were asked for, and each that is known.

    `ours` is false for pilots in the pool that neither our ledger nor our identity speaks for.
    """

    id: str
    provider: str
    state: RequestState
    reason: str
    asked: int
    pilots: tuple[PilotStatus, ...]
    ours: bool = True

    @property
    def joined(self) -> int:
        """How many of its pilots are in the pool now."""
        return sum(pilot.state in _THERE for pilot in self.pilots)

    @property
    def cores(self) -> int | None:
        """Cores its pilots offer now; None where some have joined and the pool tells of none."""
        known = [pilot.cores for pilot in self.pilots if pilot.cores is not None]
        return None if len(known) < len(self.pilots) and not any(known) else sum(known)

    @property
    def busy_cores(self) -> int | None:
        """Cores of them that jobs have; None as for cores."""
        if self.cores is None:
            return None
        return sum(pilot.busy_cores or 0 for pilot in self.pilots)

    @property
    def seconds_left(self) -> int | None:
        """Seconds until its last pilot's end; None if none is in the pool."""
        return max(
            (p.seconds_left for p in self.pilots if p.seconds_left is not None), default=None
        )


def join(
    rows: Iterable[Row], slots: Iterable[Ad], now: float, identities: Collection[str] = ()
) -> tuple[RequestStatus, ...]:
    """Return every request of the rows, then the pilots that only the pool knows.

    `slots` are the pool's ads of pilots; `now` is in seconds since 1970. A pilot that only the pool
    knows is ours if it joined as one of `identities`.
    """
    by_pilot = _by_pilot(slots)
    known = [_request(row, by_pilot, now) for row in rows]
    strangers = sorted({name.request_id for name in by_pilot} - {each.id for each in known})
    return (*known, *(_only_in_pool(each, by_pilot, now, identities) for each in strangers))


def _request(row: Row, by_pilot: Mapping[PilotName, Sequence[Ad]], now: float) -> RequestStatus:
    seen = {each.name: each for each in row.pilots}
    names = sorted({*seen, *(name for name in by_pilot if name.request_id == row.id)})
    pilots = tuple(_of_row(row, name, seen.get(name), by_pilot.get(name, ()), now)
                   for name in names)  # fmt: skip
    asked = row.record.request.pilots if row.record else len(pilots)
    return RequestStatus(row.id, row.provider, row.state, row.reason, asked, pilots)


def _of_row(
    row: Row, name: PilotName, seen: SeenPilot | None, ads: Sequence[Ad], now: float
) -> PilotStatus:
    """Return a pilot of a known request; the end of the request is the end of its pilots."""
    if seen is None and row.state is RequestState.ENDED:
        seen = SeenPilot(name, PilotState.ENDED)
    elif seen is None and row.state is RequestState.LOST:
        seen = SeenPilot(name, PilotState.LOST)
    return _pilot(name, seen, ads, now)


def _only_in_pool(
    request_id: str,
    by_pilot: Mapping[PilotName, Sequence[Ad]],
    now: float,
    identities: Collection[str],
) -> RequestStatus:
    names = sorted(name for name in by_pilot if name.request_id == request_id)
    pilots = tuple(_pilot(name, None, by_pilot[name], now) for name in names)
    why = "in the pool; this ledger does not know it"
    joined_as = {ad.string("AuthenticatedIdentity") for name in names for ad in by_pilot[name]}
    ours = bool(joined_as & set(identities))
    return RequestStatus(request_id, "?", RequestState.RUNNING, why, len(pilots), pilots, ours)


def _pilot(name: PilotName, seen: SeenPilot | None, ads: Sequence[Ad], now: float) -> PilotStatus:
    heard = _heard(ads, now)
    silent = heard is not None and heard > prediction.SILENT
    known = None if seen is None or (silent and seen.state not in _OVER) else seen.state
    if not ads or silent or known in _OVER:
        detail = seen.detail if seen else ""
        state = known or PilotState.LOST
        size = None if state in _THERE else 0
        return PilotStatus(str(name), state, detail, "", size, size, size, heard=heard)
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
        heard,
    )


def _heard(ads: Sequence[Ad], now: float) -> int | None:
    """Return how long ago the newest of a pilot's ads came, seconds."""
    times = [time for ad in ads if (time := ad.number("LastHeardFrom")) is not None]
    return max(0, round(now - max(times))) if times else None


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

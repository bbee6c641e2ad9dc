"""Requests as their owner sees them: the ledger's word joined with what providers saw last.

What the ledger says was asked for stays on show even if no provider can be asked; what a provider
holds and the ledger lost is shown too. An incomplete listing proves nothing gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from glidein.errors import GlideinError
from glidein.ledger import Ledger, Record
from glidein.model import Listing, RequestState, SeenPilot, SeenRequest
from glidein.provider import Provider

# Ended requests are forgotten after this time, so that the state folder does not grow for ever.
KEEP = timedelta(days=30)
# Those of this machine are quickly asked; a far one may ask its user for a second factor.
NEAR = frozenset({"host", "batch:local"})


@dataclass(frozen=True, slots=True)
class Row:
    """One request: what was asked for (None if the ledger lost it) and where it is now."""

    id: str
    provider: str
    state: RequestState
    reason: str
    record: Record | None
    seen: SeenRequest | None

    @property
    def created(self) -> datetime | None:
        """When it was asked for."""
        if self.record is not None:
            return self.record.request.created
        return self.seen.created if self.seen else None

    @property
    def pilots(self) -> tuple[SeenPilot, ...]:
        """Its pilots as last seen."""
        return self.seen.pilots if self.seen else ()


def listings(providers: Iterable[Provider]) -> tuple[dict[str, Listing], tuple[str, ...]]:
    """Ask each provider once; one that fails is a word of trouble and an incomplete listing."""
    found, troubles = {}, []
    for provider in providers:
        try:
            listing = provider.list()
        except GlideinError as error:
            listing = Listing(False, (), str(error))
        found[provider.name] = listing
        if not listing.complete:
            troubles.append(f"{provider.name}: {listing.why or 'could not be listed wholly'}")
    return found, tuple(troubles)


def join(ledger: Ledger, seen: Mapping[str, Listing]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Return every request, oldest first, and a word on each that could not be read."""
    records, troubles = ledger.all()
    known = {record.request.id for record in records}
    rows = [_row(record, seen.get(record.request.provider)) for record in records]
    rows += [
        Row(each.id, name, each.state, each.reason, None, each)
        for name, listing in seen.items()
        for each in listing.requests
        if each.id not in known
    ]
    # A folder that its provider lists all the same is on show, so its damage is only half a loss.
    return tuple(sorted(rows, key=lambda row: (row.created is None, row.created, row.id))), troubles


def _row(record: Record, listing: Listing | None) -> Row:
    request = record.request
    if listing is not None and (seen := listing.find(request.id)) is not None:
        return Row(request.id, request.provider, seen.state, seen.reason, record, seen)
    state, reason = _from_ledger(record)
    over = (RequestState.ENDED, RequestState.INTENDED)
    if listing is not None and listing.complete and state not in over:
        state, reason = RequestState.LOST, f"{request.provider} does not know it any more"
    return Row(request.id, request.provider, state, reason, record, None)


def _from_ledger(record: Record) -> tuple[RequestState, str]:
    """Return the state that the newest telling event leaves a request in."""
    for event in reversed(record.events):
        match event.kind:
            case "cancelled" | "ended":
                return RequestState.ENDED, str(event.data.get("reason", "stopped"))
            case "seen":
                return RequestState(event.data["state"]), str(event.data.get("reason", ""))
            case "answered":
                return RequestState.QUEUED, "not asked again since it was started"
            case "failed":
                return RequestState.INTENDED, f"start failed: {event.data.get('error', '')}"
    return RequestState.INTENDED, "nothing came back from its provider"


def note(ledger: Ledger, record: Record, seen: SeenRequest) -> None:
    """Record what a provider saw, if the ledger's last word is another; an end only once.

    The end carries the pilots' reports, and is final: what a place says later changes nothing.
    """
    if record.last("ended") is not None:
        return
    now = datetime.now(UTC)
    if seen.state is RequestState.ENDED:
        reports = [each.report for each in seen.pilots]
        ended = seen.ended or now
        ledger.append(record.request.id, "ended", ended, reason=seen.reason, reports=reports)
    elif seen.state is not _from_ledger(record)[0]:
        state = str(seen.state)
        ledger.append(
            record.request.id, "seen", now,
            state=state, reason=seen.reason, remote_id=seen.remote_id,
        )  # fmt: skip


def note_all(ledger: Ledger, rows: Iterable[Row]) -> tuple[str, ...]:
    """Record what was seen of every request; return words on what could not be written."""
    troubles = []
    for row in rows:
        if row.record is not None and row.seen is not None:
            try:
                note(ledger, row.record, row.seen)
            except GlideinError as error:
                troubles.append(str(error))
    return tuple(troubles)


def prune(ledger: Ledger, rows: Iterable[Row], before: datetime) -> tuple[str, ...]:
    """Forget requests that ended before that time; return their ids.

    Only what is known to have ended goes: by its provider's own listing or by the ledger.
    """
    gone = []
    for row in rows:
        if row.state is not RequestState.ENDED or row.record is None:
            continue
        if _last(row, row.record) < before:
            ledger.prune(row.id)
            gone.append(row.id)
    ledger.sweep(before)
    return tuple(gone)


def _last(row: Row, record: Record) -> datetime:
    times = [event.at for event in record.events]
    times += [each for each in (row.seen.ended,) if each] if row.seen else []
    return max(times)

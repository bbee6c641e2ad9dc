"""Annexes: what one name stands for, over any number of requests and systems. Pure.

An annex is no thing of its own: it is all requests whose pilots carry its name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from glidein.errors import ConfigError, NotFoundError
from glidein.model import RequestState
from glidein.requests import Row

LIVE = (RequestState.INTENDED, RequestState.QUEUED, RequestState.RUNNING, RequestState.LOST)
LONGEST_NAME = 300


def of_name(rows: Iterable[Row], name: str) -> tuple[Row, ...]:
    """Return an annex's requests, oldest first."""
    return tuple(row for row in rows if row.record and row.record.request.spec.name == name)


def names(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return the names of all annexes there are, in the order they came."""
    found = (row.record.request.spec.name for row in rows if row.record)
    return tuple(dict.fromkeys(name for name in found if name))


def find(rows: Sequence[Row], name: str) -> tuple[Row, ...]:
    """Return an annex's requests. Raises NotFoundError with the names there are."""
    if found := of_name(rows, name):
        return found
    there = ", ".join(names(rows)) or "none"
    raise NotFoundError(f"there is no annex {name!r}; there are: {there}")


def live(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return those requests that are not over, as far as is known."""
    return tuple(row for row in rows if row.state in LIVE)


def unfinished(rows: Iterable[Row], provider: str) -> Row | None:
    """Return the request that a create was killed over: intended or asked for, and no answer."""
    for row in rows:
        if row.record is None or row.provider != provider:
            continue
        told = {event.kind for event in row.record.events}
        if not told & {"answered", "cancelled", "ended", "refused"}:
            return row
    return None


def refuse_taken(rows: Sequence[Row], name: str, *, adding: bool) -> None:
    """Raise ConfigError when create finds such an annex alive, or add finds none."""
    alive = live(of_name(rows, name))
    if alive and not adding:
        where = ", ".join(dict.fromkeys(row.provider for row in alive))
        raise ConfigError.one(
            "NAME", f"annex {name!r} is there already, on {where}", "Use annex add, or another name"
        )
    if adding and not alive:
        raise ConfigError.one(
            "NAME", f"no annex {name!r} is alive", f"Use annex create; there are: "
            f"{', '.join(names(live(rows))) or 'none'}"
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """What requests may cost and what they have cost so far, in node-hours."""

    at_most: float
    so_far: float


def cost(rows: Iterable[Row], now: datetime) -> Cost:
    """Return node-hours: one pilot is one node, or its share of one, from its start to its end."""
    most = spent = 0.0
    for row in rows:
        if row.record is None:
            continue
        request = row.record.request
        most += node_hours(request.pilots, request.spec.lifetime)
        if row.seen is not None and row.seen.started is not None:
            seconds = ((row.ended or now) - row.seen.started).total_seconds()
            spent += node_hours(request.pilots, max(seconds, 0))
    return Cost(most, spent)


def node_hours(pilots: int, seconds: float) -> float:
    """Return the node-hours of so many pilots over so many seconds."""
    return pilots * seconds / 3600

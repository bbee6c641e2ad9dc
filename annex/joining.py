"""Waiting for pilots over the connection that sent them, by the far side's own logs."""

import time
from collections.abc import Callable

from annex.provider import BatchProvider
from glidein.errors import TransientError
from glidein.ledger import Ledger
from glidein.model import PilotState, RequestState, SeenRequest
from glidein.requests import note

_PAUSES = (2.0, 3.0, 5.0, 10.0, 15.0, 30.0)  # seconds between looks; the last one from then on
_OVER = (RequestState.ENDED, RequestState.LOST)
_NOT_YET = (PilotState.STARTING,)
_NEVER = (PilotState.NEVER_JOINED, PilotState.LOST)


def follow(
    ledger: Ledger, provider: BatchProvider, request_id: str, say: Callable[[str], None]
) -> SeenRequest:
    """Say what becomes of a request until all its pilots have joined, or it is over; return it.

    A look that fails is said and repeated: what runs there runs on.
    """
    said, looks = "", 0
    asked = ledger.read(request_id).request.pilots
    while True:
        try:
            seen = provider.see(request_id)
        except TransientError as error:
            say(f"{error}; looking again")
        else:
            note(ledger, ledger.read(request_id), seen)
            if (words := describe(seen, asked)) != said:
                say(words)
                said = words
            if seen.state in _OVER or joined(seen) == asked:
                return seen
        time.sleep(_PAUSES[min(looks, len(_PAUSES) - 1)])
        looks += 1


def joined(seen: SeenRequest) -> int:
    """Return how many of a request's pilots have joined, those that have left since too."""
    return sum(each.state not in (*_NOT_YET, *_NEVER) for each in seen.pilots)


def describe(seen: SeenRequest, asked: int) -> str:
    """Return where a request is, in a line: what it waits for, or how many have joined."""
    match seen.state:
        case RequestState.QUEUED:
            start = seen.facts.get("expected_start")
            when = f"; the site expects to start it at {start}" if start else ""
            return f"queued{': ' * bool(seen.reason)}{seen.reason}{when}"
        case RequestState.RUNNING:
            lost = sum(each.state in _NEVER for each in seen.pilots)
            never = f", {lost} never did" if lost else ""
            return f"{joined(seen)} of {asked} pilots have joined{never}"
        case state:
            return f"{state}: {seen.reason}"

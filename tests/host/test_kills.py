"""The client is killed -9 at every line of a launch: afterwards there is a pilot, or a clean start.

A child of ours runs the launch under a trace that kills it at the Nth line of our modules that it
had not run before; N counts up until a launch goes through.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from glidein import starting
from glidein.model import RequestState
from tests.contract.places import HostPlace, until

_WATCHED = ("provider.py", "folder.py", "ledger.py", "process.py", "pilotconf.py", "starting.py")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[HostPlace]:
    opened = HostPlace(tmp_path)
    yield opened
    opened.close()


def killed_at(number: int, action: Callable[[], object]) -> bool:
    """Run `action` in a child killed at its Nth new line; return whether it was killed."""
    child = os.fork()
    if child == 0:
        seen: set[tuple[str, int]] = set()

        def trace(frame: FrameType, event: str, _argument: object) -> object:
            name = frame.f_code.co_filename
            if "/glidein/" not in name or not name.endswith(_WATCHED):
                return None
            if event == "line" and (name, frame.f_lineno) not in seen:
                seen.add((name, frame.f_lineno))
                if len(seen) == number:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            action()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_killed_anywhere_in_a_launch_one_more_launch_makes_one_pilot(place: HostPlace) -> None:
    number, killed = 1, True
    while killed:
        request = place.request()
        killed = killed_at(number, lambda: place.provider.launch(request, place.token))  # noqa: B023
        place.client().launch(request, place.token)
        assert until(lambda: place.running(request.id) == 1), number  # noqa: B023
        place.client().cancel(request.id, fast=True)
        assert place.running(request.id) == 0, number
        assert place.leftovers(request.id) == [], number
        number += 1
    assert number > 80


def test_killed_anywhere_in_a_start_it_is_listed_or_never_was(place: HostPlace) -> None:
    number, killed = 1, True
    while killed:
        from tests.contract.places import Place

        request = Place.request(place)
        place.ledger.prune(request.id)
        killed = killed_at(
            number,
            lambda: starting.start(place.ledger, place.provider, request, place.token),  # noqa: B023
        )
        until(lambda: place.running(request.id) == 1, 0.3)  # noqa: B023
        listing = place.client().list()
        assert listing.complete, number
        seen = listing.find(request.id)
        if place.running(request.id):
            assert seen is not None, number
            assert seen.state is RequestState.RUNNING, number
        place.client().cancel(request.id, fast=True)
        assert place.running(request.id) == 0, number
        assert place.leftovers(request.id) == [], number
        number += 7
    assert number > 80


def test_killed_anywhere_in_a_cancel_one_more_cancel_ends_it(place: HostPlace) -> None:
    number, killed = 1, True
    while killed:
        request = place.request()
        place.provider.launch(request, place.token)
        killed = killed_at(number, lambda: place.client().cancel(request.id, fast=True))  # noqa: B023
        place.client().cancel(request.id, fast=True)
        assert place.running(request.id) == 0, number
        assert place.leftovers(request.id) == [], number
        number += 2
    assert number > 30

"""Status joins two witnesses; each may be missing, and neither may take away what the other saw."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from glidein import status
from glidein.ledger import Record
from glidein.matching import Ad
from glidein.model import (
    PilotName,
    PilotSpec,
    PilotState,
    PoolAddress,
    Request,
    RequestState,
    SeenPilot,
    SeenRequest,
)
from glidein.requests import Row

ID = "g20261123-060000-0123456789"
NOW = 1_800_000_000.0


def row(state: RequestState, *pilots: SeenPilot, asked: int = 1) -> Row:
    created = datetime(2026, 11, 23, 6, tzinfo=UTC)
    request = Request(ID, "host", PilotSpec(PoolAddress("cm")), created, asked)
    seen = SeenRequest(ID, state, pilots=pilots) if pilots else None
    return Row(ID, "host", state, "", Record(request, (), Path("/nowhere")), seen)


def whole(index: int = 0, **more: bool | int | str) -> Ad:
    facts: dict[str, bool | int | str] = {
        "Name": f"slot1@{ID}.{index}.0@host",
        "Machine": "host",
        "PartitionableSlot": True,
        "State": "Unclaimed",
        "Activity": "Idle",
        "Cpus": 4,
        "TotalSlotCpus": 4,
        "GlideinDeadline": int(NOW) + 600,
    }
    return Ad.of(**{**facts, **more})


def part(index: int = 0) -> Ad:
    name = f"slot1_1@{ID}.{index}.0@host"
    return Ad.of(Name=name, DynamicSlot=True, State="Claimed", Activity="Busy", Cpus=1)


def pilot(state: PilotState, index: int = 0) -> SeenPilot:
    return SeenPilot(PilotName(ID, index), state)


def test_the_pool_says_what_a_joined_pilot_does() -> None:
    rows = [row(RequestState.RUNNING, pilot(PilotState.JOINED))]
    (found,) = status.join(rows, [whole(Cpus=3), part()], NOW)
    (seen,) = found.pilots
    assert (seen.state, seen.cores, seen.busy_cores, seen.jobs) == (PilotState.BUSY, 4, 1, 1)
    assert (found.joined, found.asked, found.seconds_left) == (1, 1, 600)


@pytest.mark.parametrize("state", [PilotState.ENDED, PilotState.NEVER_JOINED, PilotState.LOST])
def test_an_end_is_the_providers_word_even_if_the_ad_is_still_there(state: PilotState) -> None:
    rows = [row(RequestState.ENDED, pilot(state))]
    (found,) = status.join(rows, [whole()], NOW)
    assert found.pilots[0].state is state
    assert found.joined == 0


def test_a_pool_that_says_nothing_takes_nothing_away() -> None:
    rows = [
        row(RequestState.RUNNING, pilot(PilotState.STARTING), pilot(PilotState.IDLE, 1), asked=2)
    ]
    (found,) = status.join(rows, [], NOW)
    assert [each.state for each in found.pilots] == [PilotState.STARTING, PilotState.IDLE]
    assert (found.asked, found.joined, found.cores, found.busy_cores) == (2, 1, None, None)
    (found,) = status.join(rows, [whole()], NOW)
    assert (found.joined, found.cores, found.busy_cores) == (2, 4, 0)


def test_a_request_no_provider_answers_for_is_shown_from_ledger_and_pool() -> None:
    (found,) = status.join([row(RequestState.QUEUED)], [whole()], NOW)
    assert found.state is RequestState.QUEUED
    assert found.pilots[0].state is PilotState.IDLE


def test_a_pilot_the_ledger_does_not_know_is_shown_too() -> None:
    (found,) = status.join([], [whole()], NOW)
    assert (found.id, found.provider) == (ID, "?")


def test_a_draining_pilot_is_said_to_drain() -> None:
    (found,) = status.join([], [whole(GlideinDraining=True), part()], NOW)
    assert found.pilots[0].state is PilotState.DRAINING


def test_slots_of_strangers_are_none_of_ours() -> None:
    assert status.join([], [Ad.of(Name="slot1@somewhere.else")], NOW) == ()


def test_pilots_of_others_are_told_from_ours_by_who_they_joined_as() -> None:
    mine = whole(AuthenticatedIdentity="me@pool")
    (found,) = status.join([], [mine], NOW, {"me@pool"})
    assert found.ours
    (found,) = status.join([], [mine], NOW, {"you@pool"})
    assert not found.ours
    (found,) = status.join([], [whole(AuthenticatedIdentity="")], NOW, set())
    assert not found.ours
    (found,) = status.join([row(RequestState.RUNNING)], [mine], NOW, {"you@pool"})
    assert found.ours


@pytest.mark.parametrize("seen", [(), (pilot(PilotState.JOINED),)])
def test_a_pilot_that_fell_silent_is_lost_and_its_cores_do_not_count(
    seen: tuple[SeenPilot, ...],
) -> None:
    rows = [row(RequestState.RUNNING, *seen)]
    lately, long_ago = (whole(LastHeardFrom=int(NOW) - age) for age in (140, 160))
    (found,) = status.join(rows, [lately], NOW)
    assert (found.pilots[0].state, found.pilots[0].heard, found.joined) == (PilotState.IDLE, 140, 1)
    (found,) = status.join(rows, [long_ago], NOW)
    assert (found.pilots[0].state, found.pilots[0].heard) == (PilotState.LOST, 160)
    assert (found.joined, found.cores, found.seconds_left) == (0, 0, None)


@pytest.mark.parametrize("state", [RequestState.ENDED, RequestState.LOST])
def test_what_the_ledger_knows_to_be_over_is_over_however_fresh_its_ad(state: RequestState) -> None:
    (found,) = status.join([row(state)], [whole(LastHeardFrom=int(NOW) - 5)], NOW)
    assert (found.pilots[0].state, found.joined) == (PilotState(str(state)), 0)
    assert found.pilots[0].heard == 5

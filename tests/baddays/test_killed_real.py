"""pilot.sh killed with kill -9 in each phase: all it started is gone in time, with it or after it.

Each test runs where namespaces can be made and where the kernel forbids them.
"""

import os
import signal
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from glidein import process, report
from glidein.throwaway import ThrowawayPool
from tests.baddays.phases import EARLY, LATE, Case, begin
from tests.beds import kernels, ports
from tests.beds.jobs import Desk, desk_of
from tests.beds.pilots import Yard, command, wait_until

pytestmark = [pytest.mark.real, pytest.mark.root]

GONE_IN = 10  # seconds, as the docs state


@pytest.fixture(scope="module")
def counter(pool: ThrowawayPool, users: dict[str, int]) -> Iterator[Desk]:
    with desk_of(pool, users) as opened:
        yield opened


@pytest.fixture(scope="module")
def leads() -> Iterator[dict[bool, list[str | Path]]]:
    """What stands before a pilot, by whether namespaces can be made there."""
    with kernels.without_namespaces() as lead:
        yield {True: [], False: lead}


Leads = dict[bool, list[str | Path]]
Cases = dict[tuple[str, bool], Case]


@pytest.fixture(scope="module")
def cases(crowd: Yard, counter: Desk, pool: ThrowawayPool, leads: Leads) -> Cases:
    """A pilot for each late phase, with namespaces and without, all at once."""
    token = pool.token("gltest1")
    return {
        (phase, hidden): begin(phase, crowd, counter, token, lead=leads[hidden])
        for phase, hidden in product(LATE, (True, False))
    }


def kill(case: Case) -> None:
    case.arrive().pilot.signal(signal.SIGKILL)
    assert case.pilot.wait(5) == 137


def words(case: Case) -> dict[str, Any]:
    """Return its report, which the watchdog prints when the folder is gone."""
    wait_until(lambda: report.reports(case.pilot.text), 3, "its report")
    return case.pilot.report


@pytest.mark.parametrize("hidden", [True, False])
def test_killed_before_it_has_a_watchdog_the_next_pilot_sweeps(
    pilots: Yard, desk: Desk, pool: ThrowawayPool, leads: Leads, hidden: bool
) -> None:
    token = pool.token("gltest1")
    case = begin("starting", pilots, desk, token, lead=leads[hidden])
    kill(case)
    work = case.pilot.work
    wait_until(lambda: process.all_of(work) == [], GONE_IN, "its processes are gone")
    left = list(work.iterdir())
    for folder in left:
        # A folder that bears no owner's name yet is swept only when it is a minute old.
        os.utime(folder, (time.time() - 90,) * 2)
    user = case.pilot.work.stat().st_uid
    following = pilots.start(user, token, {"RUNTIME": "/nowhere"}, work=work)
    assert following.wait(30) == 10, following.text
    assert list(work.iterdir()) == []
    assert following.text.count("which a dead pilot left") == len(left)


@pytest.mark.parametrize(("phase", "hidden"), list(product(EARLY[1:], (True, False))))
def test_killed_before_it_has_joined_all_is_gone_in_time(
    pilots: Yard, desk: Desk, pool: ThrowawayPool, leads: Leads, phase: str, hidden: bool
) -> None:
    with ports.silent() as silent:
        case = begin(phase, pilots, desk, pool.token("gltest1"), silent, leads[hidden])
        kill(case)
        case.pilot.assert_clean(GONE_IN)
        place = case.pilot.token.parent
        wait_until(lambda: process.all_of(place) == [], 1, "its own shells are gone")
    told = words(case)
    assert (told["reason"], told["token_hidden"]) == ("killed", hidden)


@pytest.mark.parametrize(("phase", "hidden"), list(product(LATE, (True, False))))
def test_killed_with_its_daemons_all_is_gone_in_time(
    cases: Cases, phase: str, hidden: bool
) -> None:
    case = cases[phase, hidden].arrive()
    time.sleep(1.2 if case.job else 0)  # a job's time is counted in whole seconds
    kill(case)
    case.pilot.assert_clean(GONE_IN)
    assert case.job_processes() == []
    told = words(case)
    assert told["reason"] == "killed"
    assert (told["exit_code"], told["token_hidden"], told["cores"]) == (137, hidden, 1)
    assert told["jobs_run"] == (0 if case.job is None else 1)
    assert (told["busy_core_s"] > 0) == (case.job is not None)
    assert told["runtime"]
    assert sorted(told["phases"]) == ["checks", "join", "runtime"]


def test_killed_with_its_watchdog_the_daemons_go_and_the_next_pilot_sweeps(
    pilots: Yard, desk: Desk, pool: ThrowawayPool
) -> None:
    case = begin("busy", pilots, desk, pool.token("gltest1")).arrive()
    ours = [pid for pid in process.all_of(pilots.folder) if "pilot.sh" in command(pid)]
    assert case.pilot.pid in ours
    assert len(ours) > 1
    for pid in ours:
        process.run(["kill", "-9", str(pid)], timeout=5, check=False)
    work = case.pilot.work
    wait_until(lambda: process.all_of(work) == [], GONE_IN, "its processes are gone")
    assert case.job_processes() == []
    user = work.stat().st_uid
    following = pilots.start(user, pool.token("gltest1"), {"RUNTIME": "/nowhere"}, work=work)
    assert following.wait(30) == 10
    assert list(work.iterdir()) == []

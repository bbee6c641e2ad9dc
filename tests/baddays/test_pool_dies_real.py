"""A pool that dies while jobs run and comes back, and one that does not."""

import os
import signal
from collections.abc import Iterator

import pytest

from glidein import prediction, process, runtime
from glidein.demo import events
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import pools
from tests.beds.jobs import desk_of
from tests.beds.pilots import command, wait_until, yard

RECONNECTED = "023"
pytestmark = [pytest.mark.real, pytest.mark.root]


@pytest.fixture
def mortal(condor: runtime.Runtime, users: dict[str, int]) -> Iterator[ThrowawayPool]:
    """A pool of a test's own, to be killed."""
    with pools.pool_of(condor, PoolOptions(user=users["gltest1"], users=True)) as started:
        yield started


def collector_of(pool: ThrowawayPool) -> int:
    """The pid of its collector; fails unless there is exactly one."""
    found = [x for x in process.all_of(pool.folder) if "condor_collector" in command(x)]
    assert len(found) == 1
    return found[0]


def test_a_collector_that_dies_while_a_job_runs_and_comes_back_disturbs_no_job(
    condor: runtime.Runtime, mortal: ThrowawayPool, users: dict[str, int]
) -> None:
    with yard(condor.root, str(mortal.address)) as own, desk_of(mortal, users) as desk:
        uid, token = users["gltest1"], mortal.token("gltest1")
        pilot = own.start(uid, token, {"LOST_WAIT": "50", "IDLE": "90"})
        job = desk.submit("gltest1", "sleep 20; echo done", pilot.only)
        job.wait_event(events.EXECUTING)
        os.kill(collector_of(mortal), signal.SIGKILL)
        assert job.wait_done().output == "done\n"
        assert len(job.events(events.EXECUTING)) == 1
        assert pilot.ended() is None


def test_a_collector_that_was_killed_has_the_slot_again_within_one_update(
    condor: runtime.Runtime, mortal: ThrowawayPool, users: dict[str, int]
) -> None:
    with yard(condor.root, str(mortal.address)) as own, desk_of(mortal, users) as desk:
        pilot = own.start(users["gltest1"], mortal.token("gltest1"), {"CPUS": "2"})
        desk.submit("gltest1", "sleep 200", pilot.only).wait_event(events.EXECUTING)
        # What reaches pilots behind a firewall is on disk only some seconds after they joined.
        spool = mortal.folder / "spool"
        wait_until(lambda: any(x.stat().st_size for x in spool.glob("*.ccb_reconnect")), 40, "ccb")
        os.kill(collector_of(mortal), signal.SIGKILL)
        next_one = desk.submit("gltest1", "sleep 1", pilot.only)
        # The master takes 10 s to start the collector again, the negotiator a few to see the slot.
        next_one.wait_event(events.EXECUTING, timeout=prediction.UPDATE_INTERVAL + 25)
        assert pilot.ended() is None


def test_a_pool_that_is_killed_whole_and_comes_back_at_once_finds_a_job_that_had_just_begun(
    condor: runtime.Runtime, mortal: ThrowawayPool, users: dict[str, int]
) -> None:
    with yard(condor.root, str(mortal.address)) as own, desk_of(mortal, users) as desk:
        pilot = own.start(users["gltest1"], mortal.token("gltest1"), {"IDLE": "200"})
        job = desk.submit("gltest1", "sleep 30; echo done", pilot.only)
        job.wait_event(events.EXECUTING)
        spool = mortal.folder / "spool"
        wait_until(lambda: any(x.stat().st_size for x in spool.glob("*.ccb_reconnect")), 4, "ccb")
        mortal.kill()
        mortal.start()
        assert job.wait_done(timeout=90).output == "done\n"
        assert len(job.events(events.EXECUTING)) == 1
        assert len(job.events(RECONNECTED)) == 1


def test_a_pool_away_for_good_lets_the_job_end_and_then_is_left(
    condor: runtime.Runtime, mortal: ThrowawayPool, users: dict[str, int]
) -> None:
    with yard(condor.root, str(mortal.address)) as own, desk_of(mortal, users) as desk:
        uid, token = users["gltest1"], mortal.token("gltest1")
        conf = {"LOST_WAIT": "6"}
        busy, idle = own.start(uid, token, conf), own.start(uid, token, conf)
        script = f"sleep 10; touch {busy.work}/mark"
        # The lease is how long a job's end is kept for a pool that may come back.
        lease = f"{busy.only}\njob_lease_duration = 25"
        desk.submit("gltest1", script, lease).wait_event(events.EXECUTING)
        idle.wait_for("joined")
        mortal.kill()
        assert idle.wait(40) == 23, idle.text
        assert idle.reason == "pool-lost"
        idle.assert_clean()
        assert busy.wait(60) == 23, busy.text
        assert (busy.work / "mark").exists()
        (busy.work / "mark").unlink()
        busy.assert_clean()
        assert busy.report["jobs_run"] == 1

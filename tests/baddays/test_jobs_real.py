"""Users and jobs as they come: strangers, jobs that fail, eat memory, or try to stay."""

import os
import signal
from pathlib import Path

import pytest

from glidein import process
from glidein.demo import events
from glidein.throwaway import ThrowawayPool
from tests.beds import kernels, pools
from tests.beds.jobs import Desk, processes_with
from tests.beds.pilots import Yard, command, wait_until

pytestmark = [pytest.mark.real, pytest.mark.root]


def test_two_users_pilots_run_only_their_owners_jobs_and_a_third_waits(
    pilots: Yard, desk: Desk, pool: ThrowawayPool, users: dict[str, int]
) -> None:
    first, second, third = users
    one, two = (pilots.start(users[x], pool.token(x), {"CPUS": "2"}) for x in (first, second))
    jobs = {
        name: desk.submit(name, 'id -un; echo "$GLIDEIN_PILOT"; sleep 1', count=3) for name in users
    }
    for name, pilot in ((first, one), (second, two)):
        jobs[name].wait_done(3)
        for number in range(3):
            who, where = (jobs[name].folder / f"out.{number}").read_text().split()
            assert who == name
            assert Path(where).parent == pilot.work
    assert jobs[third].status == "1 1 1"
    assert jobs[third].events(events.EXECUTING) == []


def test_a_job_that_fails_again_and_again_neither_ends_nor_keeps_the_pilot(
    pilots: Yard, desk: Desk, pool: ThrowawayPool, users: dict[str, int]
) -> None:
    conf = {"CPUS": "2", "LIFETIME": "35", "RETIRE": "15", "IDLE": "15"}
    pilot = pilots.start(users["gltest1"], pool.token("gltest1"), conf)
    bad = desk.submit("gltest1", "exit 7", f"{pilot.only}\non_exit_remove = ExitCode == 0")
    bad.wait_event(events.EXECUTING, 3)
    good = desk.submit("gltest1", "echo fine", pilot.only).wait_done()
    assert good.output == "fine\n"
    assert pilot.wait(45) == 0
    assert pilot.reason == "lifetime"
    assert pilot.report["jobs_run"] >= 4
    pilot.assert_clean()
    assert bad.status == "1"


def test_a_job_that_eats_memory_is_held_with_the_reason_and_the_next_one_runs(
    pilots: Yard, desk: Desk, pool: ThrowawayPool, users: dict[str, int]
) -> None:
    pilot = pilots.start(users["gltest1"], pool.token("gltest1"))
    eater = 'x=$(head -c 220000000 /dev/zero | tr "\\0" y); sleep 60'
    job = desk.submit("gltest1", eater, pilot.only).wait_event(events.HELD)
    assert "memory" in job.events(events.HELD)[0].text.lower()
    following = desk.submit("gltest1", "echo next", pilot.only).wait_done()
    assert following.output == "next\n"
    assert pilot.ended() is None


@pytest.mark.parametrize("hidden", [True, False])
def test_a_job_that_becomes_a_daemon_is_gone_when_the_pilot_leaves(
    pilots: Yard, desk: Desk, pool: ThrowawayPool, users: dict[str, int], hidden: bool
) -> None:
    with kernels.without_namespaces() as forbidden:
        lead = () if hidden else forbidden
        pilot = pilots.start(users["gltest1"], pool.token("gltest1"), {"IDLE": "8"}, lead=lead)
        mark = f"700.{pilot.pid}"
        escape = f"setsid sh -c 'setsid sleep {mark} & setsid sleep {mark} &'; sleep 1"
        desk.submit("gltest1", escape, pilot.only).wait_done()
        assert pilot.wait(30) == 0
        assert pilot.reason == "idle"
        assert processes_with(mark) == []
        pilot.assert_clean()


def test_of_two_pilots_with_one_name_one_ends_as_a_double(
    pilots: Yard, pool: ThrowawayPool, users: dict[str, int]
) -> None:
    uid, token = users["gltest1"], pool.token("gltest1")
    with pools.open_folder("glc-") as claims:
        claims.chmod(0o1777)
        conf = {"REQUEST_ID": "g-double", "CLAIM_DIR": str(claims)}
        both = [pilots.start(uid, token, conf) for _ in range(2)]
        wait_until(lambda: any(x.ended() == 20 for x in both), 20, "one is the double")
        double, other = sorted(both, key=lambda x: x.code is None)
        assert double.reason == "double"
        double.assert_clean()
        other.wait_for("joined")


def test_a_master_that_stands_still_at_the_end_of_life_is_killed(
    pilots: Yard, pool: ThrowawayPool, users: dict[str, int]
) -> None:
    conf = {"LIFETIME": "20", "RETIRE": "12"}
    pilot = pilots.start(users["gltest1"], pool.token("gltest1"), conf).wait_for("joined")
    for pid in process.all_of(pilot.work):
        if command(pid).split()[0].endswith("/condor_master"):
            os.kill(pid, signal.SIGSTOP)
    assert pilot.wait(35) == 24, pilot.text
    assert pilot.reason == "dead-man"
    pilot.assert_clean()
    ended = pilot.report["ended"] - pilot.report["started"]
    assert ended <= 20 + 10


def test_a_uid_that_nobody_knows(pilots: Yard, desk: Desk, pool: ThrowawayPool) -> None:
    conf = {"OWNERS": "gltest1", "IDLE": "8"}
    pilot = pilots.start(54321, pool.token("gltest1"), conf, lead=["env"])
    assert desk.submit("gltest1", "id -u", pilot.only).wait_done().output == "54321\n"
    assert pilot.wait(30) == 0
    pilot.assert_clean()

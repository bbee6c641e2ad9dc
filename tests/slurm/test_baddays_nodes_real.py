"""Bad days of nodes and batch jobs, with real pilots in the bed's pool."""

from pathlib import Path

import pytest

from tests.beds.slurm import SlurmBed, wait_for
from tests.slurm.person import Person

pytestmark = [pytest.mark.real, pytest.mark.root]

JOBS = """\
executable = /bin/sh
arguments = "-c 'sleep 1; hostname -s'"
transfer_executable = false
output = out.$(Process)
request_memory = 64M
request_disk = 1M
queue {count}
"""


def run_jobs(bed: SlurmBed, count: int) -> list[Path]:
    """Submit jobs at the access point; return where what they print will be."""
    bed.on("ap", "alice", "condor_submit", "-terse", "-", stdin=JOBS.format(count=count))
    return [bed.home("alice", "ap") / f"out.{n}" for n in range(count)]


def wait_jobs(outs: list[Path], timeout: float = 120) -> set[str]:
    """Wait until all jobs are done; return where they ran."""
    done = lambda: all(out.exists() and out.read_text() for out in outs)  # noqa: E731
    wait_for(done, timeout, lambda: f"done: {[out.name for out in outs if out.exists()]}")
    return {out.read_text().strip() for out in outs}


def ended(person: Person, request: str, timeout: float = 120) -> str:
    """Wait until list shows that a request ended; return why."""
    wait_for(lambda: not person.queued("--name", request), timeout, "it is over")
    wait_for(lambda: person.row(request)["state"] == "ended", 20, "list shows the end")
    return str(person.row(request)["reason"])


def test_a_node_without_power_ends_one_pilot_and_no_job_is_lost(bed: SlurmBed) -> None:
    alice = Person(bed)
    request = alice.start("--nodes", "3")
    alice.wait_joined(request, 3)
    bed.power_off("c1")
    assert wait_jobs(run_jobs(bed, 12)) <= {"c0", "c2"}
    reason = ended(alice, request)
    lines = alice.batch_lines(request)
    assert any("pilot 1 on c1: joined, ended without a report" in line for line in lines)
    assert any("pilot 0 on c0: joined, ran" in line and "idle" in line for line in lines)
    assert any("pilot 2 on c2: joined, ran" in line and "idle" in line for line in lines)
    assert "3 of 3 pilots joined, 12 jobs run" in lines[-1]
    details = {each["name"][-3]: each["why"] for each in alice.row(request)["pilots"]}
    assert "idle" in reason or "idle" in details.values()
    assert "ended without a report" in str(details)
    alice.wait_nothing(request, "c0 c2")


def test_the_batch_host_without_power_is_said(bed: SlurmBed) -> None:
    alice = Person(bed)
    request = alice.start("--nodes", "2")
    alice.wait_joined(request, 2)
    bed.power_off("c0")
    assert "a node it needed failed" in ended(alice, request)
    assert all("ended without a report" in each["why"] or each["report"]
               for each in alice.row(request)["pilots"])  # fmt: skip
    assert alice.types("cancel", request).returncode == 0
    alice.wait_nothing(request, "c1")


def test_scancel_by_hand(bed: SlurmBed) -> None:
    alice = Person(bed)
    request = alice.start("--nodes", "2", "--idle-time", "5m")
    alice.wait_joined(request, 2)
    bed.on("login", "alice", "scancel", str(alice.number(request)))
    reason = ended(alice, request)
    assert "it was cancelled" in reason
    alice.wait_nothing(request)
    assert not (alice.place(request) / "token").exists()


def test_the_time_limit_comes_early(bed: SlurmBed) -> None:
    alice = Person(bed)
    request = alice.start("--nodes", "2", "--idle-time", "5m")
    alice.wait_joined(request, 2)
    bed.end_soon(alice.number(request))
    assert "its time limit was over" in ended(alice, request)
    alice.wait_nothing(request)


def test_a_request_preempted_ends_and_says_so(bed: SlurmBed) -> None:
    alice = Person(bed)
    request = alice.start("preempt@generic", "--nodes", "10", "--cpus", "48", "--idle-time", "5m")
    alice.wait_joined(request, 10)
    rich = bed.submit("bob", "-p", "batch", "-N10", "--exclusive", "--wrap", "sleep 5")
    reason = ended(alice, request)
    assert "another batch job with more right to the nodes took them" in reason
    alice.wait_nothing(request)
    bed.wait_state(rich)


def test_a_request_preempted_comes_back_when_asked_for(bed: SlurmBed) -> None:
    alice = Person(bed)
    request = alice.start("preempt@generic", "--nodes", "2", "--cpus", "48", "--requeue",
                          "--idle-time", "5m")  # fmt: skip
    alice.wait_joined(request, 2)
    rich = bed.submit("bob", "-p", "batch", "-N10", "--exclusive", "--wrap", "sleep 5")
    bed.wait_state(rich, "RUNNING")
    wait_for(lambda: alice.row(request)["state"] == "queued", 30, "it is queued again")
    number = alice.number(request)
    bed.wait_state(rich)
    bed.on("head", "root", "scontrol", "update", f"JobId={number}", "StartTime=now")
    alice.wait_joined(request, 4)
    assert alice.row(request)["state"] == "running"
    names = {each["name"] for each in alice.row(request)["pilots"]}
    assert len(names) == 2
    assert alice.types("cancel", "--fast", request).returncode == 0
    alice.wait_nothing(request)

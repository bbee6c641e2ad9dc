"""Bad days of nodes and batch jobs, with real pilots in the bed's pool."""

from pathlib import Path

import pytest

from tests.beds.slurm import SlurmBed, wait_for
from tests.slurm.person import Person, ended

pytestmark = [pytest.mark.real, pytest.mark.root]

JOBS = """\
executable = /bin/sh
arguments = "-c 'sleep 1; hostname -s'"
transfer_executable = false
output = out.$(Process)
request_memory = 64M
request_disk = 1M
requirements = TARGET.GlideinPilot =!= 1
queue {count}
"""


def run_jobs(bed: SlurmBed, count: int) -> list[Path]:
    """Submit jobs at the access point; return where what they print will be."""
    bed.on("ap", "alice", "condor_submit", "-terse", "-", stdin=JOBS.format(count=count))
    return [bed.home("alice", "ap") / f"out.{n}" for n in range(count)]


def test_a_node_without_power_ends_one_pilot_and_the_others_go_on(bed: SlurmBed) -> None:
    alice = Person(bed)
    request = alice.start("--nodes", "3")
    alice.wait_joined(request, 3)
    bed.power_off("c1")
    outs = run_jobs(bed, 12)
    # The pool believes in the dead node for a while, and a job matched with it waits for its claim:
    # these are for the others.

    def ran() -> list[Path]:
        return [out for out in outs if out.exists() and out.read_text()]

    wait_for(lambda: len(ran()) == 12, 60, lambda: f"the others ran jobs: {ran()}")
    assert {out.read_text().strip() for out in ran()} <= {"c0", "c2"}
    wait_for(lambda: not alice.queued("--name", request), 90, "it is over")
    lines = alice.batch_lines(request)
    assert any("pilot 1 on c1: joined, ended without a report, status 1" in line for line in lines)
    for others in ("pilot 0 on c0: joined, ran", "pilot 2 on c2: joined, ran"):
        assert any(others in line and "idle" in line for line in lines)
    assert "3 of 3 pilots joined" in lines[-1]
    assert lines[-1].endswith("exit code 1")
    row = alice.row(request)
    assert row["state"] == "ended"
    whys = [each["why"] for each in row["pilots"]]
    assert [why.partition(":")[0] for why in whys] == ["idle", "ended without a report", "idle"]
    alice.wait_nothing(request, "c0 c2")


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

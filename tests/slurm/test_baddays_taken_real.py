"""Bad days: what Slurm gave is taken away again, by a dead batch host or by somebody's right."""

import pytest

from tests.beds.slurm import SlurmBed, wait_for
from tests.slurm.person import Person, ended

pytestmark = [pytest.mark.real, pytest.mark.root]


def test_the_batch_host_without_power_ends_the_batch_job_and_is_said(bed: SlurmBed) -> None:
    alice = Person(bed, env={"GLIDEIN_SILENCE": "20"})
    request = alice.start("--nodes", "2", "--idle-time", "10m")
    alice.wait_joined(request, 2)
    bed.power_off("c0")
    said = "the batch host c0 gave no sign for 20 s; so the other nodes ended it"
    assert ended(alice, request, timeout=90) == said
    first, second = alice.row(request)["pilots"]
    assert first["why"] == "ended without a report: it was killed"
    assert second["why"] == "told"
    assert alice.types("cancel", request).returncode == 0
    alice.wait_nothing(request, "c1")


def test_a_request_preempted_ends_and_says_so(bed: SlurmBed) -> None:
    alice = Person(bed)
    request = alice.start("preempt@generic", "--nodes", "10", "--cpus", "48", "--idle-time", "5m")
    alice.wait_joined(request, 10, timeout=60)
    rich = bed.submit("bob", "-p", "batch", "-N10", "--exclusive", "--wrap", "sleep 5")
    assert "another batch job with more right to the nodes took them" in ended(alice, request)
    whys = {each["why"].partition(":")[0] for each in alice.row(request)["pilots"]}
    assert whys == {"told"}
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
    assert len({each["name"] for each in alice.row(request)["pilots"]}) == 2
    assert alice.types("cancel", "--fast", request).returncode == 0
    alice.wait_nothing(request)

"""Bad days: slurmctld is down. Nothing is doubled, nothing is concluded, repeating carries on."""

import pytest

from tests.beds.slurm import SlurmBed
from tests.slurm.person import Person

pytestmark = [pytest.mark.real, pytest.mark.root]
SILENT = "Slurm's controller does not answer; repeat it in a while"


def test_slurmctld_down_during_submit(bed: SlurmBed) -> None:
    alice = Person(bed)
    bed.stop_slurmctld()
    said = alice.submit()
    assert said.returncode == 34
    assert said.stderr.splitlines()[-1].endswith(f"Next: {SILENT}")
    listed = alice.types("list")
    assert listed.returncode == 0
    assert "squeue did not answer: slurm_load_jobs error: Unable to contact" in listed.stderr
    assert "whether it was submitted cannot be seen now" in listed.stdout
    bed.start_slurmctld()
    (request,) = [name for name, row in alice.rows().items() if row["request"]]
    assert not alice.ran(request)
    row = alice.row(request)
    assert row["state"] == "intended"
    assert "cancel it" in row["reason"]
    assert alice.types("cancel", request).returncode == 0
    assert not alice.left(request)
    second = alice.start()
    assert alice.row(second)["state"] in ("queued", "running")
    assert alice.types("cancel", "--fast", second).returncode == 0
    alice.wait_nothing(second)


def test_slurmctld_down_during_list_and_cancel(bed: SlurmBed) -> None:
    alice = Person(bed)
    request = alice.start("--idle-time", "5m")
    alice.wait_joined(request, 1)
    assert alice.row(request)["state"] == "running"
    bed.stop_slurmctld()
    listed = alice.types("list")
    assert "squeue did not answer: slurm_load_jobs error: Unable to contact" in listed.stderr
    assert "lost" not in listed.stdout
    assert alice.row(request)["state"] == "running"  # accounting answers
    said = alice.types("cancel", "--fast", request)
    assert said.returncode == 34
    assert SILENT in said.stderr.splitlines()[-1]
    bed.start_slurmctld()
    assert alice.queued("--name", request)
    assert alice.types("cancel", "--fast", request).returncode == 0
    alice.wait_nothing(request)
    assert alice.row(request)["reason"] == "stopped"
    assert len(alice.ran(request)) == 1


def test_slurmctld_dies_while_a_cancel_waits(bed: SlurmBed) -> None:
    alice = Person(bed)
    request = alice.start("--nodes", "2", "--idle-time", "5m")
    alice.wait_joined(request, 2)
    bed.stop_slurmctld(kill=True)
    alice.types("cancel", "--fast", request)
    bed.start_slurmctld()
    assert alice.types("cancel", "--fast", request).returncode == 0
    alice.wait_nothing(request, timeout=120)  # a batch job that Slurm lost ends when it notices
    # Accounting may never have heard of it: what a killed controller had not told yet is lost.
    assert len(alice.ran(request)) <= 1

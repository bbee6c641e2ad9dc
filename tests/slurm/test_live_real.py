"""`glidein systems check --live`, and limits taken from Slurm itself, on the bed."""

from collections.abc import Iterator

import pytest

from tests.beds.slurm import SlurmBed

pytestmark = [pytest.mark.real, pytest.mark.root]


@pytest.fixture
def bed(session_bed: SlurmBed) -> Iterator[SlurmBed]:
    """The shared bed as bridges2, whose partition RM the test may change."""
    session_bed.reset("bridges2")
    yield session_bed
    session_bed.on("head", "root", "scontrol", "update", "PartitionName=RM", "MaxTime=2-00:00:00")


def test_the_beds_slurm_is_compared_with_the_catalogue(bed: SlurmBed) -> None:
    said = bed.on("login", "alice", "glidein", "systems", "check", "bridges2", "--live")
    assert "PASS RM: as the catalogue says" in said.stdout
    bed.on("head", "root", "scontrol", "update", "PartitionName=RM", "MaxTime=00:30:00")
    said = bed.on("login", "alice", "glidein", "systems", "check", "bridges2", "--live")
    assert "WARN RM: max_walltime is 30 min, the file says 2 d" in said.stdout
    other = bed.on("login", "alice", "glidein", "systems", "check", "delta", "--live", check=False)
    assert other.returncode == 1
    assert "FAIL cpu: Slurm here has no partition 'cpu'" in other.stdout


def test_a_limit_that_the_site_tightened_is_held_before_sending(bed: SlurmBed) -> None:
    bed.on("head", "root", "scontrol", "update", "PartitionName=RM", "MaxTime=00:30:00")
    bed.on("login", "alice", "bash", "-c", "cat >token", stdin=bed.token("alice"))
    bed.on("login", "alice", "chmod", "600", "token")
    runtime = str(bed.folder / "runtime")
    said = bed.on(
        "login", "alice", "glidein", "slurm", "submit", "RM@bridges2", "--pool", "cm.bed.pool",
        "--lifetime", "2h", "--token-file", "token", "--runtime", runtime, check=False,
    )  # fmt: skip
    assert said.returncode == 2
    assert "--lifetime: 2 h is more than RM@bridges2 gives. At most 30 min" in said.stderr
    assert bed.on("login", "alice", "squeue", "-h").stdout == ""

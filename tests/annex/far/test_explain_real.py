"""`annex explain` and `glidein explain JOB` on an annex: the true cause first, every time."""

import pytest

from tests.annex.far.desk import SMALL, Desk
from tests.beds.slurm import SlurmBed, wait_for

pytestmark = [pytest.mark.real, pytest.mark.root]

JOB = """\
executable = /bin/sleep
arguments = {seconds}
log = job.log
request_memory = {memory}M
request_disk = 1M
{more}
queue
"""


@pytest.fixture
def desk(session_bed: SlurmBed) -> Desk:
    session_bed.reset()
    return Desk(session_bed)


def submit(desk: Desk, name: str, memory: int = 64, more: str = "", seconds: int = 1) -> str:
    desk.put("job.sub", JOB.format(memory=memory, more=more, seconds=seconds))
    desk.types("target", name, "job.sub", "--in-place")
    return desk.types("-terse", "job.sub", program="condor_submit").stdout.split()[0]


def explained(desk: Desk, job: str) -> str:
    """The first FAIL of a job's explanation, or all of it if there is none."""
    said = desk.types("explain", job, "--pool", "cm.bed.pool", "--token-file", "token",
                      program="glidein")  # fmt: skip
    fails = [line for line in said.stdout.splitlines() if line.startswith("FAIL")]
    assert said.returncode == (1 if fails else 0)
    return fails[0] if fails else said.stdout


def annex_explained(desk: Desk, name: str) -> str:
    said = desk.types("explain", name, "--token-file", "token").stdout
    return next((line for line in said.splitlines() if "FAIL" in line), said)


def test_jobs_that_its_pilots_refuse_and_one_that_they_run(desk: Desk) -> None:
    assert desk.create("mine").returncode == 0
    large = submit(desk, "mine", memory=90_000)
    assert "RequestMemory" in explained(desk, large)
    assert "RequestMemory" in annex_explained(desk, "mine")
    long = submit(desk, "mine", more="allowed_job_duration = 86400")
    assert "AllowedJobDuration" in explained(desk, long)
    other = submit(desk, "another")
    assert "TargetAnnexName" in explained(desk, other)
    bob = Desk(desk.bed, "bob")
    theirs = submit(bob, "mine")
    assert 'TARGET.Owner =?= "alice"' in explained(bob, theirs)
    healthy = submit(desk, "mine", seconds=15)
    ask = ("condor_q", healthy, "-af", "JobStatus")
    wait_for(lambda: desk.bed.on("ap", "root", *ask).stdout.strip() == "2", 60, "it runs")
    assert "PASS queue: it runs on" in explained(desk, healthy)
    said = desk.types("explain", "mine", "--token-file", "token")
    assert "its pilots run 1 job now" in said.stdout


def test_a_token_that_expired_in_the_queue(desk: Desk) -> None:
    desk.put("token", desk.bed.token("alice", lifetime=8) + "\n")
    assert desk.create("late", "--no-wait", "--sbatch", "begin=now+12").returncode == 0
    desk.put("token", desk.bed.token("alice") + "\n")
    job = submit(desk, "late")
    wait_for(lambda: "token-time" in annex_explained(desk, "late"), 60, "the pilot has ended")
    assert "make a new one" in annex_explained(desk, "late")
    assert "left as token-time" in explained(desk, job)


def test_no_way_from_the_compute_node_to_the_pool(desk: Desk) -> None:
    desk.bed.cut_wan("gw")  # the login node has a way of its own
    said = desk.create("lost", usual=SMALL)
    desk.bed.undo()
    assert said.returncode == 1, said.stderr
    cause = annex_explained(desk, "lost")
    assert "its pilots left as connect" in cause or "its pilots left as name" in cause
    assert "firewall" in cause or "host" in cause

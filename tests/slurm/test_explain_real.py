"""`glidein explain REQUEST` for batch jobs: what waits and why, what started and did not join."""

import json

import pytest

from tests.beds.slurm import SlurmBed
from tests.beds.slurm.hosts import wait_for

pytestmark = [pytest.mark.real, pytest.mark.root]


def glidein(bed: SlurmBed, *words: str) -> str:
    said = bed.on("login", "alice", "glidein", *words, check=False, timeout=90)
    return said.stdout + said.stderr


def submit(bed: SlurmBed, *words: str, token: str = "") -> str:
    text = token or bed.token("alice")
    bed.on("login", "alice", "bash", "-c", "umask 077; cat >token", stdin=text)
    runtime = str(bed.folder / "runtime")
    return bed.on(
        "login", "alice", "glidein", "slurm", "submit", "--pool", "cm.bed.pool", "--cpus", "1",
        "--lifetime", "20m", "--token-file", "token", "--runtime", runtime, *words,
    ).stdout.strip()  # fmt: skip


def test_one_that_waits_says_why_and_what_to_do(bed: SlurmBed) -> None:
    request = submit(bed, "--sbatch", "begin=now+1hour")
    said = glidein(bed, "explain", request, "--pool", "cm.bed.pool", "--token-file", "token")
    assert "WARN request: batch:local has it queued: BeginTime" in said
    assert "begin time" in said
    listed = json.loads(bed.on("login", "alice", "glidein", "slurm", "list", "--json").stdout)
    assert [each["state"] for each in listed if each["id"] == request] == ["queued"]


def test_one_whose_pilots_fail_a_check_names_it(bed: SlurmBed) -> None:
    short = bed.token("alice", lifetime=6)
    request = submit(bed, "--sbatch", "begin=now+10", token=short)
    line = f"{request}  batch:local  ended"
    wait_for(lambda: line in glidein(bed, "slurm", "list"), 90, "the pilot has ended")
    said = glidein(bed, "explain", request, "--pool", "cm.bed.pool")
    assert "FAIL request: it has ended: 1 of its pilots left as token-time" in said
    assert "make a new one" in said


def test_a_job_without_pilots_is_told_of_the_request_that_waits_or_failed(bed: SlurmBed) -> None:
    """The job is explained, the cause is a batch job: first it waits, then it fell at a check."""
    text = "executable=/bin/true\nrequest_cpus=7777\nqueue\n"
    job = bed.on("ap", "alice", "condor_submit", "-terse", "-", stdin=text).stdout.split()[0]
    wait_for(lambda: not bed.on("cm", "root", "condor_status", "-af", "Name").stdout, 90, "no slot")
    try:
        bed.on("login", "alice", "bash", "-c", "umask 077; cat >live", stdin=bed.token("alice"))
        ask = ("explain", job, "--pool", "cm.bed.pool", "--token-file", "live")
        request = submit(bed, "--sbatch", "begin=now+15", token=bed.token("alice", lifetime=8))
        said = glidein(bed, *ask)
        assert f"FAIL pilots: request {request}: batch:local has it queued: BeginTime" in said
        line = f"{request}  batch:local  ended"
        wait_for(lambda: line in glidein(bed, "slurm", "list"), 90, "the pilot has ended")
        said = glidein(bed, *ask)
        assert f"FAIL pilots: no pilot is in the pool; the last request, {request}:" in said
        assert "left as token-time" in said
        assert "make a new one" in said
    finally:
        bed.on("ap", "alice", "condor_rm", job)

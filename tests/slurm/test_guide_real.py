"""Every command of docs/slurm.md is typed, in order, by a user on the bed's login node."""

import shlex

import pytest

from tests.beds.slurm import SlurmBed
from tests.docs import guides

pytestmark = [pytest.mark.real, pytest.mark.root]


def test_what_the_guide_shows_can_be_typed(bed: SlurmBed) -> None:
    token = bed.token("alice")
    bed.on("login", "alice", "bash", "-c", "cat >token", stdin=token)
    request, seen = "", {}
    for _, line in guides.typed("slurm.md"):
        typed = line.replace("cm.example.org", "cm.bed.pool").replace("REQUEST", request)
        if "slurm submit" in line or "slurm render" in line:
            head, _, tail = typed.partition(" --pool ")
            runtime = shlex.quote(str(bed.folder / "runtime"))
            typed = f"{head} --runtime {runtime} --pool {tail}"
        said = bed.on("login", "alice", "bash", "-c", typed, timeout=120)
        seen[line.split(" --")[0]] = said.stdout
        if "slurm submit" in line:
            request = said.stdout.strip()
            [batch_job] = bed.on("login", "alice", "squeue", "-h", "-o", "%F", "-n", request,
                                 "-r").stdout.split()[:1]  # fmt: skip
            bed.wait_state(int(batch_job), "RUNNING")
    script = bed.on("login", "alice", "cat", "pilots.sbatch").stdout
    assert "#SBATCH --nodes=10\n" in script
    assert token not in script
    assert request in bed.on("login", "alice", "glidein", "slurm", "list").stdout
    assert seen["glidein slurm cancel REQUEST"] == ""

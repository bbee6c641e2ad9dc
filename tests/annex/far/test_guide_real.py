"""Every command of docs/annex.md is typed, in order, by a user on the bed's access point."""

import pytest

from tests.annex.far.desk import Desk
from tests.beds.slurm import SlurmBed
from tests.docs import guides

pytestmark = [pytest.mark.real, pytest.mark.root]

JOB = "executable=/bin/true\nlog=job.log\nrequest_memory=64M\nrequest_disk=1M\nqueue\n"


def test_what_the_guide_shows_can_be_typed(session_bed: SlurmBed) -> None:
    session_bed.reset()
    desk = Desk(session_bed)
    desk.put("JOB.sub", JOB)
    seen: dict[str, str] = {}
    for _, line in guides.typed("annex.md"):
        typed = line
        if "create" in line or "add" in line:
            # The host has none installed in a folder of its own, which could be packed.
            typed = line.replace(" --nodes", " --runtime condor.tar.gz --nodes", 1)
        said = session_bed.on("ap", "alice", "bash", "-c", f"cd; {typed}", timeout=120, check=False)
        print(typed, said.returncode, said.stdout, said.stderr, sep="\n")
        fine = (0, 1) if "explain" in line else (0,)
        assert said.returncode in fine, said.stderr
        seen[line] = said.stdout + said.stderr
    assert "--gres=gpu" in seen_of(seen, "--dry-run") or "--gpus" in seen_of(seen, "--dry-run")
    assert "2 of 2 pilots have joined" in seen_of(seen, "annex create --nodes 2")
    assert "GLIDEIN-REPORT" in seen_of(seen, "annex logs")
    assert desk.batch_jobs() == []


def seen_of(seen: dict[str, str], words: str) -> str:
    return next(said for line, said in seen.items() if words in line)

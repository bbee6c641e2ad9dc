"""Bad days: sbatch refuses. The person reads why and what to do, and nothing is left."""

import pytest

from tests.beds.slurm import SlurmBed
from tests.slurm.person import Person

pytestmark = [pytest.mark.real, pytest.mark.root]


@pytest.mark.parametrize(
    ("options", "code", "words", "remedy"),
    [
        (["--project", "nosuch"], 36, "Invalid account", "--project"),
        (["nosuch@generic"], 36, "invalid partition specified: nosuch", "sinfo -s"),
        (["--lifetime", "9d"], 36, "time limit is invalid", "--lifetime"),
        (["--memory", "400GB"], 36, "Memory specification can not be satisfied", "--memory"),
        (["--cpus", "49"], 36, "CPU count per node can not be satisfied", "--cpus"),
        (["--nodes", "11"], 36, "Node count specification invalid", "--nodes"),
        (["--gpus", "nosuch:1"], 36, "node configuration is not available", "--gpus"),
    ],
    ids=["account", "partition", "time", "memory", "cores", "nodes", "gpu"],
)
def test_what_slurm_refuses_is_said_once_with_its_remedy(
    bed: SlurmBed, options: list[str], code: int, words: str, remedy: str
) -> None:
    alice = Person(bed)
    said = alice.submit(*options)
    assert said.returncode == code
    lines = said.stderr.splitlines()
    assert len([line for line in lines if words in line]) == 1
    assert "Next: " in lines[-1]
    assert remedy in lines[-1].partition("Next: ")[2]
    assert "Traceback" not in said.stderr
    assert not alice.queued()
    request, row = next(each for each in alice.rows().items() if each[1]["request"])
    assert row["state"] == "intended"
    assert words in row["reason"]
    assert not alice.left(request)
    assert alice.types("cancel", request).returncode == 0
    assert not alice.left(request)
    assert alice.row(request)["state"] == "ended"

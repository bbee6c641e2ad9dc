"""Real sbatch takes the batch script of every queue, in the partition or QOS of that name."""

import re

import pytest

from glidein.catalogue import Select, Share
from tests.beds.slurm import SlurmBed
from tests.slurm_templates.asks import ASKS, asked

pytestmark = [pytest.mark.real, pytest.mark.root]


def test_sbatch_takes_every_golden_script(system_bed: SlurmBed, system: str) -> None:
    mine = [asked(name) for name in ASKS if name.startswith(f"{system}/")]
    assert mine
    for each in mine:
        queue, node = each.target.queue, each.target.system
        said = system_bed.on("login", "alice", "sbatch", "--test-only", stdin=each.text)
        found = re.search(r"using (\d+) processors on nodes (\S+) in partition (\S+)", said.stderr)
        assert found, f"{each.name}: {said.stderr}"
        if node.select is Select.PARTITION and queue.batch_name:
            assert found[3] == queue.batch_name, each.name
        shape = queue.shape(each.ask.gpus or 0, each.ask.gpu_type)
        if queue.share is Share.NODE and shape and shape.cores:
            assert int(found[1]) >= shape.cores * each.ask.nodes, each.name

"""The #SBATCH lines of systems that nobody ships: what an overlay may say."""

import pytest

from glidein import catalogue
from glidein.batchask import BatchAsk
from glidein.catalogue import Source
from slurm_templates.directives import directives, lead, wall_time

OWN = """
title = "Own"
dialect = "Slurm"
default_queue = "gpu"
source = "a test"
checked = 2026-11-23
[gpu]
option = "{option}"
scope = "{scope}"
[queues.gpu]
share = "cores"
exclusive = {exclusive}
gpus = 8
may_ask = ["cpus", "memory", "gpus", "gpu_type"]
"""
GRES = BatchAsk(nodes=2, gpus=4, gpu_type="a100")


def words(ask: BatchAsk, option: str = "gres", scope: str = "node", exclusive: str = "false",
          ) -> tuple[str, ...]:  # fmt: skip
    text = OWN.format(option=option, scope=scope, exclusive=exclusive)
    known = catalogue.merge([Source("own", "own.toml", text)])
    assert known.problems == ()
    return directives(ask, *catalogue.parse_target("gpu@own", known), 60)


def test_gres_names_the_kind_of_resource() -> None:
    assert "--gres=gpu:a100:4" in words(GRES)
    assert "--gres=gpu:4" in words(BatchAsk(gpus=4))
    assert not [each for each in words(BatchAsk(cpus=1)) if each.startswith("--g")]


@pytest.mark.parametrize(
    ("option", "scope", "said"),
    [
        ("gpus", "job", "--gpus=a100:8"),
        ("gpus-per-node", "node", "--gpus-per-node=a100:4"),
        ("gpus-per-task", "node", "--gpus-per-task=a100:4"),
    ],
)
def test_gpus_are_counted_as_the_option_counts_them(option: str, scope: str, said: str) -> None:
    assert said in words(GRES, option, scope)


@pytest.mark.parametrize("option", ["gres", "gpus-per-node", "gpus-per-task"])
def test_an_option_that_counts_a_nodes_gpus_cannot_count_the_jobs(option: str) -> None:
    text = OWN.format(option=option, scope="job", exclusive="false")
    (said,) = catalogue.merge([Source("own", "own.toml", text)]).problems
    assert "gpu.scope" in str(said)


def test_exclusive_is_said_once() -> None:
    assert "--exclusive" not in words(GRES)
    assert words(GRES, exclusive="true").count("--exclusive") == 1
    user = BatchAsk(options=(("exclusive", "user"),))
    found = [each for each in words(user, exclusive="true") if "exclusive" in each]
    assert found == ["--exclusive=user"]


def test_a_time_is_whole_minutes_and_a_warning_fits_into_it() -> None:
    assert wall_time(61) == "00:02:00"
    assert wall_time(86400 * 5) == "120:00:00"
    assert lead(BatchAsk(lifetime=86400), 60) == 105
    assert lead(BatchAsk(lifetime=60), 60) == 30
    assert lead(BatchAsk(lifetime=10**6), 10**6) == 65535

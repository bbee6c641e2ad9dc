"""The predicted ad, as a value: who matches it, and what a pilot keeps for itself."""

import re
from datetime import UTC, datetime
from importlib import resources

import pytest

from glidein import matching, prediction
from glidein.matching import Ad
from glidein.model import PilotSpec, PoolAddress, Resources

NOW = datetime.now(UTC)
SPEC = PilotSpec(PoolAddress("cm"), owners=("alice", "j.doe+x@y"), lifetime=7200)
OFFERED = Resources(cpus=4, memory_mb=8000, disk_mb=10000, gpus=1)
JOB = Ad().with_expressions(
    Owner='"alice"', RequestCpus="1", RequestMemory="1000", RequestDisk="2048",
    Requirements='TARGET.Arch == "X86_64" && TARGET.OpSys == "LINUX" && TARGET.Disk >= RequestDisk '
    "&& TARGET.Memory >= RequestMemory && TARGET.HasFileTransfer",
)  # fmt: skip
PREDICTED = prediction.predicted_ad(SPEC, OFFERED, NOW)


def refused(**expressions: str) -> list[str]:
    return [clause.text for _, clause in matching.refusals(JOB.with_expressions(**expressions),
                                                           PREDICTED)]  # fmt: skip


def test_a_job_of_an_owner_matches() -> None:
    assert matching.matches(JOB, PREDICTED)
    assert matching.matches(JOB.with_values(Owner="j.doe+x@y", RequestGPUs=1), PREDICTED)
    assert not matching.matches(JOB.with_values(Owner="Alice"), PREDICTED)


@pytest.mark.parametrize(
    ("name", "text", "clause"),
    [
        ("Owner", '"bob"', "MY.GlideinStartOwners is true"),
        ("RequestMemory", "8001", "TARGET.Memory >= RequestMemory"),
        ("RequestGPUs", "2", "(TARGET.RequestGPUs is undefined || MY.GPUs >= TARGET.RequestGPUs)"),
        ("RequestCpus", "5", "TARGET.RequestCpus <= MY.Cpus"),
        ("AllowedJobDuration", "7300", "MY.GlideinStartLife is true"),
        ("AllowedExecuteDuration", "7300", "MY.GlideinStartLife is true"),
        ("MaxWallTime", "121", "MY.GlideinStartLife is true"),
        ("Requirements", 'TARGET.Arch == "ARM"', 'TARGET.Arch == "ARM"'),
    ],
)
def test_a_job_that_does_not_fit_is_refused_by_the_clause(
    name: str, text: str, clause: str
) -> None:
    assert clause.strip("()") in [each.strip("()") for each in refused(**{name: text})]


def test_a_job_that_says_it_fits_the_life_matches() -> None:
    assert refused(AllowedJobDuration="3000", MaxWallTime="50") == []


def test_a_spec_without_owners_takes_nobody() -> None:
    nobody = prediction.predicted_ad(PilotSpec(PoolAddress("cm")), OFFERED, NOW)
    assert not matching.matches(JOB, nobody)


def test_a_named_pilot_takes_only_jobs_that_name_it() -> None:
    spec = PilotSpec(PoolAddress("cm"), owners=("alice",), name='my "own"')
    named = prediction.predicted_ad(spec, OFFERED, NOW)
    assert not matching.matches(JOB, named)
    assert matching.matches(JOB.with_values(TargetAnnexName='my "own"'), named)


def test_a_further_expression_must_say_yes_and_undefined_is_no() -> None:
    spec = PilotSpec(PoolAddress("cm"), owners=("alice",), start='ProjectName == "x"')
    narrow = prediction.predicted_ad(spec, OFFERED, NOW)
    assert not matching.matches(JOB, narrow)
    assert matching.matches(JOB.with_values(ProjectName="x"), narrow)


def test_a_pilot_speaks_as_often_as_its_script_says() -> None:
    script = resources.files("glidein").joinpath("payload/pilot.sh").read_text()
    said = re.findall(r"^((?:MASTER_)?UPDATE_INTERVAL|ClassAdLifetime) = (\d+)$", script, re.M)
    interval = str(prediction.UPDATE_INTERVAL)
    assert said[-2:] == [("UPDATE_INTERVAL", interval), ("MASTER_UPDATE_INTERVAL", interval)]
    ((_, lifetime),) = said[:-2]
    assert int(lifetime) > prediction.SILENT  # else the pool forgets it before it is called silent


def test_gpus_with_properties_are_counted_as_jobs_ask_for_them() -> None:
    known = prediction.predicted_ad(
        SPEC, OFFERED, NOW, gpus=[{"Capability": 8.0, "GlobalMemoryMb": 40000}]
    )
    asks = JOB.with_expressions(
        RequestGPUs="1", RequireGPUs="Capability >= 8.0 && GlobalMemoryMb >= GPUsMinMemory",
        GPUsMinMemory="30000",
        Requirements="countMatches(MY.RequireGPUs, TARGET.AvailableGPUs) >= RequestGPUs",
    )  # fmt: skip
    assert matching.matches(asks, known)
    assert not matching.matches(asks.with_values(GPUsMinMemory=50000), known)
    assert not matching.matches(asks, PREDICTED)


@pytest.mark.parametrize(("given", "kept"), [(512, 128), (4000, 200), (10**6, 1024)])
def test_a_share_is_kept_for_the_daemons(given: int, kept: int) -> None:
    machine = Resources(cpus=2, memory_mb=given, disk_mb=9, gpus=0)
    assert prediction.offered(machine, Resources()).memory_mb == given - kept
    assert prediction.offered(machine, Resources(memory_mb=77)).memory_mb == 77
    assert prediction.offered(machine, Resources(cpus=1)).cpus == 1


def test_owners_are_quoted_trimmed_and_never_empty() -> None:
    assert prediction.owners_clause([' a"b ', "", "c,d"]) == (
        r'TARGET.Owner =?= "a\"b" || TARGET.Owner =?= "c" || TARGET.Owner =?= "d"'
    )
    assert prediction.owners_clause([]) == "false"

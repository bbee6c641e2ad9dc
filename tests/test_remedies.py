"""The advice fits the clause: who must change what. Slots are the ads that pilots have."""

from datetime import UTC, datetime

import pytest

from glidein import matching, prediction, remedies
from glidein.matching import Ad
from glidein.model import PilotName, PilotSpec, PoolAddress, Resources

SIZE = Resources(cpus=2, memory_mb=4000, disk_mb=9999, gpus=0)
JOB = Ad().with_expressions(
    Owner='"alice"', JobUniverse="5", RequestCpus="1", RequestMemory="100", RequestDisk="10",
    Requirements="true",
)  # fmt: skip


def slot(start: str = "", name: str = "") -> Ad:
    spec = PilotSpec(PoolAddress("cm"), ("alice",), start, name=name, lifetime=3600)
    return prediction.predicted_ad(spec, SIZE, datetime.now(UTC), PilotName("g1a"))


def advice(job: Ad, pilot: Ad) -> str:
    return remedies.remedy_for(remedies.refusals(job, pilot)[0], job, pilot)


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("RequestCpus > 4", "Let the job ask for more: request_cpus"),
        ("TARGET.RequestCpus >= 4", "Let the job ask for more: request_cpus"),
        ("TARGET.RequestMemory < 50", "Let the job ask for less: request_memory"),
        ("RequestCpus == 3", "Change the job's request_cpus"),
        ("RequestGPUs > 0", "Let the job ask for some: request_gpus"),
        ('ProjectName == "x"', "Give the job ProjectName: +ProjectName = ..."),
        ("TARGET.WantX", "Give the job WantX: +WantX = ..."),
        ('TARGET.ProjectName =?= "x" || RequestCpus > 8', "Let the job ask for more: request_cpus"),
        ("Memory > 8000", "Start a pilot with more: --memory"),
        ("RequestMemory > Memory / 2", "Start a pilot with less: --memory"),
        ('TARGET.Owner != "alice"', "Start a pilot with another --start"),
        ('regexp("^b", TARGET.Owner)', "Start a pilot with another --start"),
        ("JobUniverse == 7", "Start a pilot with another --start"),
        ("time() < 5", "Start a pilot with another --start"),
        ("false", "Start a pilot with another --start"),
        ("TARGET.RequestMemory", "Mend --start"),
        ("1/0 == 1", "Mend --start"),
    ],
)
def test_a_users_own_expression(start: str, first: str) -> None:
    told = advice(JOB, slot(start))
    assert told.startswith(first)
    assert "--start" in told
    assert "--owners" not in told


@pytest.mark.parametrize(
    ("requirements", "told"),
    [
        ("TARGET.Memory >= 99999", "a pilot with more: --memory, or change the job's requirements"),
        ("TARGET.Memory <= 10", "a pilot with less: --memory, or change the job's requirements"),
        ("TARGET.TotalSlotMemory > 5000", "a pilot with more: --memory"),
        ("Cpus > 8", "a pilot with more: --cpus"),
        ("TARGET.Cpus == 3", "a pilot with another size: --cpus"),
        ("TARGET.GPUs >= 1", "a pilot with GPUs: --gpus"),
        ('TARGET.Colour == "red"', "Change the job's requirements"),
        ('TARGET.Arch == "ARM"', "Change the job's requirements"),
        ("false", "Change the job's requirements"),
        ("MY.WantX == 1", "Give the job WantX"),
        ("1/0", "Mend the job's requirements"),
        ("TARGET.FileSystemDomain == MY.FileSystemDomain", "should_transfer_files"),
        ("TARGET.HasSingularity", "found no container runtime"),
        ("TARGET.HasDocker", "by Apptainer"),
        ("TARGET.IsAnnex =?= true", "--name"),
    ],
)
def test_a_jobs_requirements(requirements: str, told: str) -> None:
    assert told in advice(JOB.with_expressions(Requirements=requirements), slot())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"Owner": "Bob D"}, "--owners 'Bob D'"),
        ({"RequestCpus": 9}, "a pilot with more: --cpus, or let the job ask for less"),
        ({"RequestMemory": 9999}, "a pilot with more: --memory, or let the job ask for less"),
        ({"RequestDisk": 1 << 40}, "a pilot with more: --work-dir"),
        ({"RequestGPUs": 1}, "--gpus"),
        ({"AllowedJobDuration": 99999}, "longer --lifetime"),
        ({"AllowedJobDuration": 99999}, "shorter run time: allowed_job_duration"),
        ({"MaxWallTime": 99999}, "shorter run time: +MaxWallTime"),
    ],
)
def test_what_every_pilot_asks_of_a_job(change: dict[str, int | str], told: str) -> None:
    assert told in advice(JOB.with_values(**change), slot())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"GlideinDraining": True}, "It is leaving"),
        ({"GlideinRetire": 5}, "so near to its end"),
    ],
)
def test_what_a_pilot_does_at_its_end(change: dict[str, int | bool], told: str) -> None:
    assert told in advice(JOB, slot().with_values(**change))


def test_a_named_pilot_tells_its_name() -> None:
    named = slot(name="mine")
    assert advice(JOB, named) == 'Give the job the pilot\'s name: +TargetAnnexName = "mine"'
    assert advice(JOB.with_values(TargetAnnexName="o'x"), named).endswith("--name 'o'\"'\"'x'")


def test_what_is_advised_helps() -> None:
    for start, better in (("RequestCpus > 1", {"RequestCpus": 2}), ("WantX", {"WantX": True})):
        assert not matching.matches(JOB, slot(start))
        assert matching.matches(JOB.with_values(**better), slot(start))

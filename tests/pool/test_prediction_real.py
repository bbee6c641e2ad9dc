"""The predicted ad is the ad of a pilot that really joined, attribute for attribute in EQUAL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from glidein import matching, prediction
from glidein.matching import Ad
from glidein.model import PilotName, PilotSpec, Resources
from glidein.pool import Access, Pool
from glidein.runtime import Runtime
from glidein.throwaway import ThrowawayPool
from tests.beds import pilots, submitters

pytestmark = [pytest.mark.real, pytest.mark.root]
OWNERS = ("alice", 'o"dd one', "DOM\\u$er")
START = 'TARGET.ProjectName =?= "a b" || TARGET.Owner == "alice"'


@pytest.fixture(scope="module", params=["", "mine"])
def joined(
    request: pytest.FixtureRequest, shared: ThrowawayPool, condor: Runtime, papers: Path
) -> Iterator[tuple[PilotSpec, PilotName, Ad]]:
    """The ad of a pilot that joined, and the spec it was started by."""
    spec = PilotSpec(shared.address, OWNERS, START, lifetime=3600, name=request.param)
    conf = {"OWNERS": ",".join(OWNERS), "START": START, "LIFETIME": "3600", "NAME": request.param,
            "CPUS": "1", "MEMORY_MB": "256", "DISK_MB": "5000", "PILOT_INDEX": "3",
            "PILOT_RESTART": "2", "REQUEST_ID": f"gpredict-{request.param or 'plain'}"}  # fmt: skip
    token = submitters.token_of(shared, "reader", papers, "READ")
    with pilots.yard(condor.root, str(shared.address)) as yard:
        conf = {key: value for key, value in conf.items() if value}
        pilot = yard.start(65534, shared.token("alice"), conf).wait_for("joined")
        with Pool(shared.address, Access(token_file=token)) as asked:
            (ad,) = asked.pilots(pilot.id)
            assert asked.pilots("gnone-such") == ()
        yield spec, PilotName(pilot.id, 3, 2), ad


def predicted(spec: PilotSpec, name: PilotName, real: Ad) -> Ad:
    started = datetime.fromtimestamp(real.integer("GlideinStart"), UTC)
    offered = Resources(cpus=1, memory_mb=256, disk_mb=5000, gpus=0)
    return prediction.predicted_ad(spec, offered, started, name)


@pytest.mark.parametrize("attribute", prediction.EQUAL)
def test_it_is_equal(joined: tuple[PilotSpec, PilotName, Ad], attribute: str) -> None:
    spec, name, real = joined
    mine = predicted(spec, name, real)
    assert mine.text(attribute) == real.text(attribute)
    assert mine.value(attribute) == real.value(attribute)


def test_life_and_disk_are_equal_as_far_as_they_can_be(
    joined: tuple[PilotSpec, PilotName, Ad],
) -> None:
    spec, name, real = joined
    mine = predicted(spec, name, real)
    for attribute in ("GlideinRetire", "GlideinDeadline"):
        assert mine.number(attribute) == real.number(attribute)
    disk = real.number("Disk")
    assert disk is not None
    assert mine.number("Disk") == pytest.approx(disk, rel=0.1)  # others write to this disk too


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"Owner": '"bob"'}, False),
        ({"Owner": '"o\\"DD one"', "ProjectName": '"a b"'}, False),
        ({"Owner": '"Alice"'}, False),
        ({"Owner": '"o\\"dd one"'}, False),
        ({"Owner": '"o\\"dd one"', "ProjectName": '"a b"'}, True),
        ({"Owner": r'"DOM\\u$er"', "ProjectName": '"a b"'}, True),
        ({"Owner": r'"DOM\\\\u$er"', "ProjectName": '"a b"'}, False),
        ({"RequestMemory": "257"}, False),
        ({"RequestCpus": "2"}, False),
        ({"RequestGPUs": "1"}, False),
        ({"AllowedJobDuration": "3000"}, True),
        ({"AllowedJobDuration": "3700"}, False),
        ({"MaxWallTime": "61"}, False),
        ({"TargetAnnexName": '"other"'}, None),
    ],
)
def test_what_matches_the_one_matches_the_other(
    joined: tuple[PilotSpec, PilotName, Ad], change: dict[str, str], fits: bool | None
) -> None:
    spec, name, real = joined
    usual = {"Owner": '"alice"', "RequestCpus": "1", "RequestMemory": "100", "RequestDisk": "1",
             "Requirements": 'TARGET.Arch == "X86_64" && TARGET.HasFileTransfer',
             "TargetAnnexName": '"mine"'}  # fmt: skip
    job = Ad().with_expressions(**usual | change)
    expected = not spec.name if fits is None else fits
    assert matching.matches(job, real) is expected
    assert matching.matches(job, predicted(spec, name, real)) is expected

"""Opens one place after the other for the suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from glidein.throwaway import ThrowawayPool
from tests.beds import pools
from tests.beds.condorsite import CondorSite
from tests.beds.slurm import SlurmBed
from tests.contract.batch import SlurmPlace
from tests.contract.condor import CondorPlace
from tests.contract.places import PLACES, Place
from tests.contract.real import RealHostPlace

_MARKS = [pytest.mark.real, pytest.mark.root]
_PARAMS = [
    *PLACES,
    pytest.param("host-real", marks=_MARKS),
    pytest.param("slurm", marks=_MARKS),
    pytest.param("condor", marks=_MARKS),
]


@pytest.fixture(params=_PARAMS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "host-real":
        pool: ThrowawayPool = request.getfixturevalue("pool")
        users: dict[str, int] = request.getfixturevalue("users")
        with pools.open_folder("glc-") as folder:
            yield from _opened(RealHostPlace(folder, pool, users["gltest1"]))
    elif request.param == "slurm":
        bed: SlurmBed = request.getfixturevalue("session_bed")
        bed.reset()
        yield from _opened(SlurmPlace(tmp_path, bed))
    elif request.param == "condor":
        site: CondorSite = request.getfixturevalue("condor_site")
        yield from _opened(CondorPlace(tmp_path, site))
    else:
        yield from _opened(PLACES[request.param](tmp_path))


def _opened(place: Place) -> Iterator[Place]:
    try:
        yield place
    finally:
        place.close()

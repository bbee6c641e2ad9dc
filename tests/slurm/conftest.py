"""The Slurm bed for tests: one for the session, made ready again before each test."""

import pytest

from tests.beds.slurm import SlurmBed, sites


@pytest.fixture
def bed(session_bed: SlurmBed) -> SlurmBed:
    """The shared bed as a generic cluster, nothing running, nothing broken."""
    session_bed.reset()
    return session_bed


@pytest.fixture(scope="session", params=sites.names())
def system(request: pytest.FixtureRequest) -> str:
    """Each system of the bed in turn; of the session, so that pytest runs its tests together.

    Between two systems the whole bed is configured anew, which takes seconds.
    """
    name: str = request.param
    return name


@pytest.fixture
def system_bed(session_bed: SlurmBed, system: str) -> SlurmBed:
    """The shared bed as that system, nothing running, nothing broken."""
    session_bed.reset(system)
    return session_bed

"""The Slurm bed for tests: one for the session, made ready again before each test."""

import pytest

from tests.beds.slurm import SlurmBed


@pytest.fixture
def bed(session_bed: SlurmBed) -> SlurmBed:
    """The shared bed as a generic cluster, nothing running, nothing broken."""
    session_bed.reset()
    return session_bed

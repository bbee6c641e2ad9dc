"""The Slurm bed for tests: one for the session, made ready again before each test."""

import os
from collections.abc import Iterator

import pytest

from tests.beds.slurm import SlurmBed, roots


@pytest.fixture(scope="session")
def session_bed() -> Iterator[SlurmBed]:
    """The bed that tests share; GLIDEIN_BED_SLURM=24.11 has it made with the newer Slurm."""
    newer = os.environ.get("GLIDEIN_BED_SLURM") == "24.11"
    with SlurmBed(root=roots.newer() if newer else roots.native()) as bed:
        yield bed


@pytest.fixture
def bed(session_bed: SlurmBed) -> SlurmBed:
    """The shared bed as a generic cluster, nothing running, nothing broken."""
    session_bed.reset()
    return session_bed

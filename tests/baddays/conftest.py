"""What the bad days share: a yard of pilots on the session's pool, and tokens for them."""

from collections.abc import Iterator

import pytest

from glidein import runtime
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import pools
from tests.beds.jobs import Desk, desk_of
from tests.beds.pilots import Yard, yard


@pytest.fixture(scope="session")
def pool(condor: runtime.Runtime, users: dict[str, int]) -> Iterator[ThrowawayPool]:
    """A pool apart: pilots that are killed leave ads behind, which would catch others' jobs."""
    with pools.pool_of(condor, PoolOptions(user=users["gltest1"], users=True)) as started:
        yield started


@pytest.fixture
def pilots(condor: runtime.Runtime, pool: ThrowawayPool) -> Iterator[Yard]:
    """A yard for one test, on the session's pool."""
    with yard(condor.root, str(pool.address)) as opened:
        yield opened


@pytest.fixture(scope="module")
def crowd(condor: runtime.Runtime, pool: ThrowawayPool) -> Iterator[Yard]:
    """A yard for a whole module: pilots that fail are started at once, then judged one by one."""
    with yard(condor.root, str(pool.address)) as opened:
        yield opened


@pytest.fixture
def desk(pool: ThrowawayPool, users: dict[str, int]) -> Iterator[Desk]:
    """Where a test submits jobs to the session's pool."""
    with desk_of(pool, users) as opened:
        yield opened

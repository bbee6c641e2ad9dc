"""What the bad days share: a yard of pilots on the session's pool, and tokens for them."""

from collections.abc import Iterator

import pytest

from glidein import runtime
from glidein.throwaway import ThrowawayPool
from tests.beds.pilots import Yard, yard


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

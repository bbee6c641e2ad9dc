"""A pool that several owners submit to, and the door to it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from glidein.pool import Access, Pool
from glidein.runtime import Runtime
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import pools, submitters

NOBODY = 65534


@pytest.fixture(scope="package")
def shared(condor: Runtime) -> Iterator[ThrowawayPool]:
    """A pool whose daemons run as one ordinary user; its jobs never run, nobody starts a pilot."""
    user = NOBODY if pools.as_root() else None
    with pools.pool_of(condor, PoolOptions(user=user)) as pool:
        yield pool


@pytest.fixture(scope="package")
def papers() -> Iterator[Path]:
    """Where the tokens of these tests lie."""
    with pools.open_folder("glk-") as folder:
        yield folder


@pytest.fixture
def door(shared: ThrowawayPool, papers: Path) -> Iterator[Pool]:
    """The door to the shared pool, opened with a reader's token. Its queue is empty again after."""
    token = submitters.token_of(shared, "reader", papers, "READ")
    with Pool(shared.address, Access(token_file=token, timeout=20)) as opened:
        yield opened
    submitters.clear(shared)
    assert os.environ.get("_CONDOR_SEC_TOKEN_DIRECTORY") is None

"""Opens one place after the other for the suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from glidein.throwaway import ThrowawayPool
from tests.contract.places import PLACES, Place
from tests.contract.real import RealHostPlace

_MARKS = [pytest.mark.real, pytest.mark.root]
_PARAMS = [*PLACES, pytest.param("host-real", marks=_MARKS)]


@pytest.fixture(params=_PARAMS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "host-real":
        pool: ThrowawayPool = request.getfixturevalue("pool")
        opened: Place = RealHostPlace(tmp_path, pool)
    else:
        opened = PLACES[request.param](tmp_path)
    try:
        yield opened
    finally:
        opened.close()

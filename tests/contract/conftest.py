"""Opens one place after the other for the suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.places import PLACES, Place


@pytest.fixture(params=list(PLACES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    opened = PLACES[request.param](tmp_path)
    yield opened
    opened.close()

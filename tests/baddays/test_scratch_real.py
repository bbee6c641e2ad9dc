"""Scratch space that cannot be used: full, read-only, noexec, no inodes, not there."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from glidein import process
from glidein.throwaway import ThrowawayPool
from tests.beds.pilots import Pilot, Yard, tmpfs

pytestmark = [pytest.mark.real, pytest.mark.root]

KINDS = {
    "small": "size=40m,mode=1777",
    "full": "size=4m,mode=1777",
    "nearly full": "size=60k,mode=1777",
    "few inodes": "size=400m,mode=1777,nr_inodes=5",
    "read-only": "size=400m,mode=1777",
    "noexec": "size=400m,mode=1777,noexec",
    "no inodes": "size=400m,mode=1777,nr_inodes=300",
    "last inode": "size=400m,mode=1777,nr_inodes=1",
}


@pytest.fixture(scope="module")
def started(crowd: Yard, pool: ThrowawayPool, users: dict[str, int]) -> Iterator[dict[str, Pilot]]:
    """One pilot in each bad work folder, all at once."""
    uid, token = users["gltest1"], pool.token("gltest1")
    with ExitStack() as mounted:
        places = {k: mounted.enter_context(tmpfs(v)) for k, v in KINDS.items()}
        (places["full"] / "filler").write_bytes(b"x" * (4 << 20))
        process.run(["mount", "-o", "remount,ro", places["read-only"]], timeout=10)
        places |= {"missing": Path("/nowhere/at/all"), "closed": Path("/sys"), "file": crowd.script}
        before = {name: _names(place) for name, place in places.items()}
        found = {name: crowd.start(uid, token, work=place) for name, place in places.items()}
        yield found
        assert {name: _names(place) for name, place in places.items()} == before


def _names(place: Path) -> set[str]:
    return {x.name for x in place.iterdir()} if place.is_dir() else set()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("small", "are free"),
        ("full", "is full"),
        ("nearly full", "is full"),
        ("few inodes", "is full"),
        ("read-only", "no folder can be made"),
        ("noexec", "noexec"),
        ("no inodes", "more fit"),
        ("last inode", "no folder can be made"),
        ("missing", "no folder can be made"),
        ("closed", "no folder can be made"),
        ("file", "no folder can be made"),
    ],
)
def test_scratch_that_cannot_be_used(started: dict[str, Pilot], name: str, words: str) -> None:
    pilot = started[name]
    assert pilot.wait(60) == 19, pilot.text
    assert pilot.reason == "scratch"
    assert words in pilot.failed
    assert "-w" in pilot.failed
    assert process.all_of(pilot.log.parent) == []

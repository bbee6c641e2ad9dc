"""Every command in the guides' blocks is typed, in order, by an ordinary user with a pool."""

from collections.abc import Iterator

import pytest

from glidein import report
from glidein.runtime import Runtime
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import pools
from tests.docs import guides
from tests.docs.room import Room, opened

pytestmark = [pytest.mark.real, pytest.mark.root]

NAME = "gltest2"
JOINED = "STATE joined"
INSTALL = "uv tool install ."
# These go on until somebody presses Ctrl-C: the word to wait for, and the exit code after it.
ENDLESS = {
    "glidein run --pool cm.example.org --owners alice --cpus 4 --memory 8GB "
    "--token-file ~/token": 0,
    "glidein logs REQUEST --follow": 130,
    "glidein/payload/pilot.sh -c cm.example.org -T ~/token -o alice -r 12 -i 1200": 0,
    "./pilot.sh -c pegasus.access-ci.org -t mytoken -s 'RemoteOwner == \"myusername\"'": 0,
}
# These cannot be typed here; what stands beside them is typed instead, for the reason given.
INSTEAD = {
    "make demo": ("make -n demo", "tests/newcomer runs it, twice, in a home with nothing in it"),
    "make test": ("make -n test", "it is what runs this test"),
    "make unit": ("make -n unit", "the suite around this test runs these tests, and takes longer"),
    "make lint": ("make -n lint", "make test runs it before any test"),
    "make format": ("make -n format", "make lint checks that it has nothing to do"),
}


@pytest.fixture(scope="module")
def own_pool(condor: Runtime, users: dict[str, int]) -> Iterator[ThrowawayPool]:
    with pools.pool_of(condor, PoolOptions(user=users[NAME])) as pool:
        yield pool


@pytest.fixture
def room(users: dict[str, int], own_pool: ThrowawayPool) -> Iterator[Room]:
    with pools.open_folder("gld-") as folder, opened(folder, NAME, users[NAME], own_pool) as room:
        yield room


def play(room: Room, line: str) -> None:
    """Type one line of a guide, in the way that the tables above say."""
    if line in INSTEAD:
        room.type(INSTEAD[line][0])
    elif line in ENDLESS:
        code, said = room.type_until(line, JOINED)
        assert code == ENDLESS[line], said
        if "pilot.sh" in line:
            assert report.reports(said)[0]["reason"] == "told"
    else:
        room.type(line)


# These need a cluster: tests/slurm and tests/annex/far type them on the Slurm bed.
ON_THE_BED = {"slurm.md", "annex.md"}


@pytest.mark.parametrize("guide", sorted({guide for guide, _ in guides.typed()} - ON_THE_BED))
def test_what_a_guide_shows_can_be_typed(guide: str, room: Room) -> None:
    lines = [line for _, line in guides.typed(guide)]
    if INSTALL not in lines:
        room.type(INSTALL)
    if guide == "leftovers.md":
        room.type("glidein run --detach --pool cm.example.org --cpus 4 --token-file ~/token")
        assert "glidein" in "".join(room.kept())
    for line in lines:
        play(room, line)
    if guide == "leftovers.md":
        assert room.kept() == []


def test_the_tables_name_nothing_that_the_guides_do_not_show() -> None:
    shown = {line for _, line in guides.typed()}
    assert set(ENDLESS) | set(INSTEAD) <= shown
    assert not set(ENDLESS) & set(INSTEAD)

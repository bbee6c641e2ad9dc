"""What tests share: a runtime, made users, and pools of real daemons."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from glidein import runtime
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import condorsite, pools
from tests.beds.slurm import SlurmBed, roots


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option by which golden files are written anew."""
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


def pytest_configure() -> None:
    """Give the signals that nohup and a shell's & ignore their meaning back: pilots inherit it."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what waits for daemons first: files that run side by side then end together."""
    items.sort(key=lambda item: (item.get_closest_marker("real") is None, _room(item)))


def _room(item: pytest.Item) -> int:
    rooms = ("slurm", "payload", "contract", "baddays")
    room = item.path.relative_to(item.config.rootpath).parts[1]
    return rooms.index(room) if room in rooms else len(rooms)


@pytest.fixture(scope="session")
def open_place() -> Iterator[Path]:
    """A folder every user of the machine can enter, for the whole session."""
    with pools.open_folder("glt-") as folder:
        yield folder


@pytest.fixture(scope="session")
def condor(open_place: Path) -> runtime.Runtime:
    """The HTCondor under test (Debian trixie's), where every test user can read it."""
    return pools.readable_by_all(runtime.get("debian"), open_place)


@pytest.fixture(scope="session")
def users() -> Iterator[dict[str, int]]:
    """Three made users: uid by name."""
    with pools.made_users() as made:
        yield made


@pytest.fixture(scope="session")
def pool(condor: runtime.Runtime, users: dict[str, int]) -> Iterator[ThrowawayPool]:
    """One pool for the session, whose schedd serves all made users."""
    first = next(iter(users.values()))
    with pools.pool_of(condor, PoolOptions(user=first, users=True)) as started:
        yield started


@pytest.fixture(scope="session")
def session_bed() -> Iterator[SlurmBed]:
    """The bed that tests share; GLIDEIN_BED_SLURM=24.11 has it made with the newer Slurm."""
    newer = os.environ.get("GLIDEIN_BED_SLURM") == "24.11"
    with SlurmBed(root=roots.newer() if newer else roots.native()) as bed:
        yield bed


@pytest.fixture(scope="session")
def condor_site(condor: runtime.Runtime, users: dict[str, int]) -> Iterator[condorsite.CondorSite]:
    """A site whose batch system is HTCondor, for the session; gltest1 submits there."""
    with condorsite.site(condor, users["gltest1"]) as opened:
        yield opened

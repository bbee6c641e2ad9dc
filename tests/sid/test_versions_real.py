"""sid's HTCondor, in every place that a release can have; what is tried is in docs/versions.md."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from glidein import process, runtime
from glidein.runtime import Runtime
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import pools, sources
from tests.payload.conftest import SCRIPT, Pilot

pytestmark = [pytest.mark.real, pytest.mark.root, pytest.mark.sid]

MakePilot = Callable[..., Pilot]


@pytest.fixture(scope="module")
def sid(open_place: Path) -> Runtime:
    """sid's runtime in a cache of its own, so that nobody's default changes."""
    folder = sources.moving(open_place / "sources")
    cache = open_place / "cache" / "glidein" / "runtimes"
    return runtime.get("debian", suite="sid", apt_sources=folder, where=cache)


@pytest.fixture(scope="module")
def newer(sid: Runtime, users: dict[str, int]) -> Iterator[ThrowawayPool]:
    with pools.pool_of(sid, PoolOptions(user=users["gltest1"], users=True)) as pool:
        yield pool


def runs_a_job(pilot: Pilot) -> str:
    """Run a pilot and a job; return what the pilot said."""
    cluster = pilot.submit("executable=/bin/true")
    assert pilot.begin().ended()["reason"] == "idle"
    assert (pilot.job(cluster, "JobStatus"), pilot.job(cluster, "NumJobStarts")) == ("4", "1")
    assert pilot.left() == []
    return pilot.text


def test_it_is_newer(sid: Runtime, condor: Runtime) -> None:
    assert int(sid.version.split(".")[0]) > int(condor.version.split(".")[0])


def test_the_demo(sid: Runtime, open_place: Path, tmp_path: Path) -> None:
    env = {**os.environ, "XDG_CACHE_HOME": str(open_place / "cache")}
    argv = [sys.executable, "-m", "glidein", "demo", "--runtime", sid.id]
    said = process.run(argv, timeout=300, env=env, cwd=tmp_path)
    assert f"HTCondor {sid.version}" in said.stdout
    assert "result count_0.txt: 42 page_0.html" in said.stdout


def test_a_pilot_of_it_in_its_own_pool(
    make_pilot: MakePilot, newer: ThrowawayPool, sid: Runtime
) -> None:
    pilot = make_pilot(of=newer)
    pilot.condor = sid
    assert "CHECK WARN version" not in runs_a_job(pilot)


def test_an_older_pilot_in_its_pool(make_pilot: MakePilot, newer: ThrowawayPool) -> None:
    assert "CHECK PASS version" in runs_a_job(make_pilot(of=newer))


def test_a_pilot_of_it_in_an_older_pool(make_pilot: MakePilot, sid: Runtime) -> None:
    pilot = make_pilot()
    pilot.condor = sid
    assert "CHECK WARN version" in runs_a_job(pilot)


def test_without_our_line_it_matches_nothing_in_an_older_pool(
    make_pilot: MakePilot, sid: Runtime
) -> None:
    pilot = make_pilot()
    pilot.condor = sid
    cluster = pilot.submit("executable=/bin/true")
    whole = SCRIPT.read_text()
    assert "\nCATALOG_SPACE = 0\n" in whole
    pilot.script = pilot.place / "unprotected.sh"
    pilot.script.write_text(whole.replace("\nCATALOG_SPACE = 0\n", "\n"))
    assert pilot.begin(IDLE=15).ended()["jobs_run"] == 0
    assert pilot.job(cluster, "JobStatus") == "1"

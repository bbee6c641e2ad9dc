"""Real pilots: pilot.sh run by a made user, in a real pool."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from glidein import process, quoting, report
from glidein.runtime import Runtime
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import pools

DEVNULL = -3  # subprocess.DEVNULL, for process.spawn
SCRIPT = Path(str(files("glidein").joinpath("payload/pilot.sh")))
SPY = Path(__file__).parent / "spy.py"


class Pilot:
    """One pilot.sh and what it said. Ended at the latest by `end`."""

    def __init__(self, place: Path, pool: ThrowawayPool, condor: Runtime, uid: int) -> None:
        self.place, self.pool, self.condor, self.uid = place, pool, condor, uid
        self.script = SCRIPT
        self.work = place / "work"
        self.log = place / "log"
        self.pid = 0
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(place)}
        for folder in (place, self.work):
            folder.mkdir(exist_ok=True)
            os.chown(folder, uid, -1)
        place.chmod(0o755)
        self.log.touch()

    def token(self, text: str | None = None, owner: str = "gltest1", *authz: str) -> Path:
        path = self.place / "token"
        path.write_text((text or self.pool.token(owner, *authz)) + "\n")
        path.chmod(0o600)
        os.chown(path, self.uid, -1)
        return path

    def conf(self, **values: object) -> Path:
        usual: dict[str, object] = {
            "FORMAT": 1,
            "REQUEST_ID": "gtest-" + self.place.name.lower().replace("_", "-"),
            "POOL": self.pool.address,
            "TOKEN_FILE": self.place / "token",
            "RUNTIME": self.condor.root,
            "WORK_DIR": self.work,
            "IDLE": 3,
            "CPUS": 2,
            "MEMORY_MB": 600,
            "GPUS": 0,
        }
        if "TOKEN_FILE" not in values and not (self.place / "token").exists():
            self.token()
        path = self.place / "pilot.conf"
        lines = {**usual, **values}.items()
        path.write_text("".join(quoting.conf_line(k, str(v)) for k, v in lines))
        path.chmod(0o644)
        return path

    def start(self, *args: str | Path, stdin: int = DEVNULL) -> "Pilot":
        script = self.place / "pilot.sh"
        shutil.copy(self.script, script)
        script.chmod(0o755)
        argv = ["/bin/bash", script, *args]
        self.pid = process.spawn(
            argv, log=self.log, env=self.env, cwd=self.place, user=self.uid, stdin=stdin
        )
        return self

    def begin(self, **values: object) -> "Pilot":
        return self.start("--conf", self.conf(**values))

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def until(self, what: str | Callable[[], bool], timeout: float = 40) -> "Pilot":
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if what() if callable(what) else what in self.text:
                return self
            time.sleep(0.05)
        raise AssertionError(f"{what} did not come\n{self.text}")

    def ended(self, timeout: float = 60) -> dict[str, Any]:
        self.until(lambda: bool(report.reports(self.text)), timeout)
        self.until(lambda: not process.alive(self.pid), 10)
        return report.reports(self.text)[-1]

    def left(self) -> list[str]:
        """What is left of it: files in its work folder, processes that belong there."""
        return [p.name for p in self.work.iterdir()] + [str(p) for p in process.all_of(self.work)]

    def submit(self, text: str, uid: int | None = None) -> str:
        """Submit jobs with small requests; returns the cluster."""
        lines = "transfer_executable=false\nrequest_memory=64M\nrequest_disk=1M\n"
        said = self.pool.tool(
            "condor_submit", "-terse", "-", stdin=f"{lines}{text}\nqueue\n",
            user=self.uid if uid is None else uid, cwd=self.place,
        )  # fmt: skip
        return said.stdout.split(".")[0]

    def job(self, cluster: str, attribute: str) -> str:
        said = self.pool.tool("condor_q", "-all", cluster, "-af", attribute).stdout.strip()
        return (
            said
            or self.pool.tool(
                "condor_history", "-limit", "1", cluster, "-af", attribute
            ).stdout.strip()
        )

    def done(self, cluster: str) -> Callable[[], bool]:
        return lambda: self.job(cluster, "JobStatus") == "4"

    def forget(self) -> None:
        """Take a killed pilot's ads out of the collector, lest jobs be matched to it."""
        request = "gtest-" + self.place.name.lower().replace("_", "-")
        ad = self.place / "invalidate"
        ad.write_text(
            'MyType = "Query"\nTargetType = "Machine"\n'
            f'Requirements = GlideinRequest == "{request}"\n'
        )
        self.pool.tool("condor_advertise", "INVALIDATE_STARTD_ADS", str(ad), check=False)

    def end(self) -> None:
        if self.pid and process.alive(self.pid):
            for number in (signal.SIGCONT, signal.SIGTERM, signal.SIGINT):
                os.kill(self.pid, number)
            with suppress(AssertionError):
                self.until(lambda: not process.alive(self.pid), 10)
        process.kill_all_of(self.place)
        with suppress(process.CommandError):  # its pool may be gone
            self.forget()
            self.pool.tool("condor_rm", "-all", user=self.uid, check=False)
        shutil.rmtree(self.place, ignore_errors=True)


@pytest.fixture(scope="session")
def pool(condor: Runtime, users: dict[str, int]) -> Iterator[ThrowawayPool]:
    """A pool apart: pilots that are killed leave ads behind, which would catch others' jobs."""
    with pools.pool_of(condor, PoolOptions(user=users["gltest1"], users=True)) as started:
        yield started


@pytest.fixture
def make_pilot(
    open_place: Path, pool: ThrowawayPool, condor: Runtime, users: dict[str, int]
) -> Iterator[Callable[..., Pilot]]:
    """Makes pilots, each in a folder of its own, and ends them."""
    made: list[Pilot] = []

    def make(user: str = "gltest1", of: ThrowawayPool | None = None) -> Pilot:
        place = Path(tempfile.mkdtemp(prefix="p", dir=open_place))
        made.append(Pilot(place, of or pool, condor, users[user]))
        return made[-1]

    yield make
    for pilot in made:
        pilot.end()


@pytest.fixture
def pilot(make_pilot: Callable[..., Pilot]) -> Pilot:
    return make_pilot()

"""Users' jobs for tests: submitted to a throw-away pool, followed by their event log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from glidein import process
from glidein.demo import events
from glidein.throwaway import ThrowawayPool
from tests.beds import pools
from tests.beds.pilots import give, write

_SUBMIT = """\
executable = job.sh
transfer_executable = true
should_transfer_files = yes
when_to_transfer_output = on_exit
output = out.$(Process)
error = err.$(Process)
log = log
request_cpus = 1
request_memory = 16
request_disk = 1024
{extra}
queue {count}
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A submitted cluster: where its files lie, and whose pool it is in."""

    pool: ThrowawayPool
    folder: Path
    cluster: int
    user: int

    def events(self, number: str) -> list[events.JobEvent]:
        """Its events of that number so far."""
        log = self.folder / "log"
        text = log.read_text(errors="replace") if log.exists() else ""
        return [each for each in events.parse(text) if each.number == number]

    def wait_event(self, number: str, count: int = 1, timeout: float = 60) -> "Job":
        """Wait until it has so many events of that number, and return it."""
        until = time.monotonic() + timeout
        while len(self.events(number)) < count:
            assert time.monotonic() < until, f"no event {number} in {timeout:g} s:\n{self.story}"
            time.sleep(0.1)
        return self

    def wait_done(self, count: int = 1, timeout: float = 60) -> "Job":
        """Wait until so many of it ended by themselves."""
        return self.wait_event(events.TERMINATED, count, timeout)

    @property
    def story(self) -> str:
        """Its whole event log."""
        return (self.folder / "log").read_text(errors="replace")

    @property
    def output(self) -> str:
        """What its first process printed."""
        return (self.folder / "out.0").read_text(errors="replace")

    @property
    def status(self) -> str:
        """JobStatus of each process still in the queue, in one line: 1 idle, 2 running, 5 held."""
        said = self.pool.tool("condor_q", str(self.cluster), "-af", "JobStatus")
        return " ".join(said.stdout.split())

    def remove(self) -> None:
        """Take it out of the queue; out already is success."""
        for force in ([], ["-forcex"]):
            self.pool.tool("condor_rm", *force, str(self.cluster), user=self.user, check=False)


class Desk:
    """Where a test submits jobs, each in a folder of its own; closing it removes them all."""

    def __init__(self, pool: ThrowawayPool, folder: Path, users: dict[str, int]) -> None:
        self.pool, self.folder, self.users = pool, folder, users
        self.jobs: list[Job] = []

    def submit(self, owner: str, script: str, extra: str = "", count: int = 1) -> Job:
        """Submit `count` jobs of `owner` that run a shell script."""
        user = self.users[owner]
        place = self.folder / f"j{len(self.jobs)}"
        place.mkdir(mode=0o755)
        give(place, user)
        write(place / "job.sh", f"#!/bin/sh\n{script}\n", user, 0o755)
        write(place / "job.sub", _SUBMIT.format(extra=extra, count=count), user, 0o644)
        said = self.pool.tool("condor_submit", "-terse", "job.sub", user=user, cwd=place)
        self.jobs.append(Job(self.pool, place, int(said.stdout.split(".")[0]), user))
        return self.jobs[-1]

    def close(self) -> None:
        """Take every job out of the queue."""
        for job in self.jobs:
            job.remove()


@contextmanager
def desk_of(pool: ThrowawayPool, users: dict[str, int]) -> Iterator[Desk]:
    """Yield a desk; at the end its jobs are out of the queue and its folder is gone."""
    with pools.open_folder("glj-") as folder:
        desk = Desk(pool, folder, users)
        try:
            yield desk
        finally:
            desk.close()


def processes_with(word: str) -> list[int]:
    """Every living process that has that very word among its arguments."""
    wanted = word.encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in words and process.alive(int(entry.name)):
            found.append(int(entry.name))
    return found

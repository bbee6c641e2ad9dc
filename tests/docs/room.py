"""A reader's room: an ordinary user's home, a clone, a pool of theirs, and a shell to type in.

What a reader must put in place of the guides' names (a pool's host, an owner, an id) is put in
place here; everything else is typed as it stands.
"""

import json
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from glidein import process, runtime, tokens
from glidein.process import Result
from glidein.throwaway import ThrowawayPool
from tests.beds import pilots
from tests.docs import guides

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How this machine reaches the package index, if not in the ordinary way.
INHERITED = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY")
LONG_JOB = """\
executable = /bin/sleep
arguments = 600
transfer_executable = False
should_transfer_files = YES
request_cpus = 1
request_memory = 32
request_disk = 1024
queue
"""


@dataclass(frozen=True, slots=True)
class Room:
    """The reader, where they sit, and the pool they may use."""

    folder: Path
    name: str
    uid: int
    pool: ThrowawayPool
    jobs: list[str] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def clone(self) -> Path:
        return self.folder / "glidein"

    @property
    def env(self) -> Mapping[str, str]:
        path = f"{self.home}/.local/bin:{self.folder}/bin:{PATH}"
        env = {"PATH": path, "HOME": str(self.home), "LANG": "C.UTF-8", "USER": self.name}
        env |= {"SHELL": "/bin/bash", "UV_CACHE_DIR": str(self.folder / "uv-cache")}
        # Users come and go: pytest refuses a folder in /tmp that one of the same name left.
        env["PYTEST_DEBUG_TEMPROOT"] = str(self.folder / "bin")
        return env | {name: os.environ[name] for name in INHERITED if name in os.environ}

    def meant(self, line: str) -> str:
        """Return the line with the reader's own names in place of the guide's."""
        names: dict[str, Callable[[], str]] = {
            "cm.example.org": lambda: str(self.pool.address),
            "pegasus.access-ci.org": lambda: str(self.pool.address),
            "alice": lambda: self.name,
            "myusername": lambda: self.name,
            "mytoken": lambda: (self.home / "token").read_text().strip(),
            "REQUEST": self.request,
            "JOB": self.job,
        }
        # The machine may be smaller than the guide's.
        line = line.replace("--cpus 4", "--cpus 1").replace("--memory 8GB", "--memory 512MB")
        return re.sub(
            r"\b(" + "|".join(map(re.escape, names)) + r")\b", lambda x: names[x[1]](), line
        )

    def type(self, line: str, check: bool = True) -> Result:
        """Type a line in the clone's folder and wait for its end; the job it spoke of goes then."""
        try:
            return process.run(
                ["bash", "-c", self.meant(line)],
                timeout=300, env=self.env, cwd=self.clone, user=self.uid, check=check,
            )  # fmt: skip
        finally:
            while self.jobs:
                self.pool.tool("condor_rm", self.jobs.pop())

    def type_until(
        self, line: str, said: str, end: signal.Signals = signal.SIGINT
    ) -> tuple[int, str]:
        """Type a line, press Ctrl-C once it said that, and return exit code and what it said."""
        log = self.folder / "typed"
        log.unlink(missing_ok=True)
        argv = ["bash", "-c", f"exec {self.meant(line)}"]
        pid = process.spawn(argv, log=log, env=self.env, cwd=self.clone, user=self.uid)

        def done() -> bool:
            return said in log.read_text() or not process.alive(pid)

        try:
            pilots.wait_until(done, 60, f"{said} from {line}")
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, end)
            code = waited(pid, 90)
        assert said in log.read_text(), f"{line} never said {said}:\n{log.read_text()}"
        return code, log.read_text()

    def request(self) -> str:
        """Return the id of the newest request."""
        listed = json.loads(self.type("glidein list --json").stdout)
        return str(listed[-1]["id"])

    def job(self) -> str:
        """Return a job that a pilot here runs."""
        said = self.pool.tool("condor_submit", "-terse", "-", stdin=LONG_JOB).stdout
        self.jobs.append(job := said.split()[0])
        pilots.wait_until(lambda: self._running(job), 60, "the job runs")
        return job

    def _running(self, job: str) -> bool:
        return self.pool.tool("condor_q", job, "-af", "JobStatus").stdout.split() == ["2"]

    def kept(self) -> list[str]:
        """Return what of ours is still here: folders in the home, programs, processes."""
        paths = [each for each in self.home.rglob("*glidein*") if "uv" not in each.parts]
        return [str(path) for path in paths] + list(
            map(pilots.command, process.all_of(self.folder))
        )


def waited(pid: int, seconds: float) -> int:
    """Wait for the end of a child and return its exit code; one that does not end is killed."""
    with suppress(AssertionError):
        pilots.wait_until(lambda: not process.alive(pid), seconds, "its end")
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@contextmanager
def opened(folder: Path, name: str, uid: int, pool: ThrowawayPool) -> Iterator[Room]:
    """Lay out a room in the folder; at its end nothing that was started in it runs."""
    room = Room(folder, name, uid, pool)
    process.run(["git", "clone", "-q", "--no-hardlinks", guides.ROOT, room.clone], timeout=60)
    for path in (room.home, folder / "bin"):
        path.mkdir(mode=0o755)
    uv = process.run(["python3", guides.ROOT / ".ci/get_uv.py"], timeout=120).stdout.strip()
    shutil.copy(uv, folder / "bin/uv")
    cache = room.home / ".cache/glidein/runtimes"
    cache.mkdir(parents=True)
    found = runtime.get("debian")
    runtime.copy(found, cache / found.root.name)
    shutil.copy(guides.ROOT / "glidein/payload/pilot.sh", room.clone)
    tokens.write(pool.token(name), room.home / "token")
    process.run(["chown", "-R", name, folder], timeout=30)
    try:
        yield room
    finally:
        pool.tool("condor_rm", "-all", check=False)
        process.kill_all_of(folder)

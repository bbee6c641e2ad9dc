"""Real pilots for tests: pilot.sh started as a made user, watched by its lines, and its end proven.

A Yard is one folder that holds all a test's pilots; closing it ends whatever still runs of them.
"""

import os
import pwd
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from glidein import process, quoting, report
from tests.beds import pools

PATH = "/usr/local/bin:/usr/bin:/bin"
QUICK = {"LIFETIME": "300", "IDLE": "120", "GRACE": "2"}
SMALL = {"CPUS": "1", "MEMORY_MB": "256", "GPUS": "0", "CONTAINERS": "no"}


def wait_until(true: Callable[[], object], timeout: float, what: str) -> None:
    """Wait for a condition; fail, naming `what`, when it does not come true in time."""
    until = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < until, f"not within {timeout:g} s: {what}"
        time.sleep(0.05)


@dataclass(slots=True)
class Pilot:
    """One pilot that was started: its pid, its log, its token and where its work folder lies."""

    pid: int
    log: Path
    work: Path
    token: Path
    id: str
    began: float = field(default_factory=time.monotonic)
    code: int | None = None

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def report(self) -> dict[str, Any]:
        """Its one report; fails, showing what it said, if it has none or several."""
        found = report.reports(self.text)
        assert len(found) == 1, self.text
        return found[0]

    @property
    def reason(self) -> str:
        return str(self.report["reason"])

    @property
    def only(self) -> str:
        """The line of a submit file that sends a job to this pilot alone."""
        return f'requirements = TARGET.GlideinRequest == "{self.id}"'

    @property
    def failed(self) -> str:
        """The one FAIL line it printed, without its verdict."""
        found = [each for each in report.checks(self.text) if each.verdict == "FAIL"]
        assert len(found) == 1, self.text
        return f"{found[0].subject}: {found[0].message} | {found[0].remedy}"

    def told(self, word: str) -> bool:
        """Whether it said that state."""
        return any(x.kind == "STATE" and x.text == word for x in report.lines(self.text))

    def wait_for(self, word: str, timeout: float = 60) -> "Pilot":
        """Wait until it says a state, and return it."""
        until = time.monotonic() + timeout
        while not self.told(word):
            assert self.ended() is None, f"ended before {word}:\n{self.text}"
            assert time.monotonic() < until, f"no {word} in {timeout:g} s:\n{self.text}"
            time.sleep(0.05)
        return self

    def ended(self) -> int | None:
        """Its exit code, 128 + signal where one killed it; None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code
        return self.code

    def wait(self, timeout: float = 60) -> int:
        """Wait for its end and return its exit code."""
        until = time.monotonic() + timeout
        while self.ended() is None:
            assert time.monotonic() < until, f"still there after {timeout:g} s:\n{self.text}"
            time.sleep(0.05)
        assert self.code is not None
        return self.code

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def left(self) -> list[str]:
        """What is still there of it: processes, work folder, token in it."""
        found = [f"process {pid}: {command(pid)}" for pid in process.all_of(self.work)]
        with suppress(FileNotFoundError):
            found += [str(path) for path in self.work.iterdir()]
        return found

    def assert_clean(self, timeout: float = 0) -> None:
        """Fail unless, within the time, nothing of it is left: no process, no folder, no token."""
        until = time.monotonic() + timeout
        while (left := self.left()) and time.monotonic() < until:
            time.sleep(0.1)
        assert left == [], self.text


def command(pid: int) -> str:
    """The command line of a process, or nothing if it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


class Yard:
    """A folder for the pilots of a test, all started with one runtime for one pool."""

    def __init__(self, folder: Path, runtime: Path, pool: str) -> None:
        self.folder, self.runtime, self.pool = folder, runtime, pool
        self.script = folder / "pilot.sh"
        self.script.write_text(files("glidein").joinpath("payload/pilot.sh").read_text())
        self.script.chmod(0o755)
        self.pilots: list[Pilot] = []

    def home(self, user: int) -> Path:
        """Make a fresh place of that user's: home, work and what else a test puts there."""
        place = self.folder / f"p{len(list(self.folder.iterdir()))}"
        for path in (place, place / "home", place / "work"):
            path.mkdir(mode=0o700)
            give(path, user)
        return place

    def start(
        self,
        user: int,
        token: str,
        conf: Mapping[str, str] | None = None,
        flags: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        lead: Sequence[str | Path] = (),
        work: Path | None = None,
    ) -> Pilot:
        """Start a pilot as `user` by a pilot.conf of QUICK, SMALL and `conf`, or by `flags`.

        `env` is its whole environment where given; `lead` stands before it, as root: unshare, say.
        """
        place = self.home(user)
        work = work or place / "work"
        secret = write(place / "token", token + "\n", user)
        values: dict[str, str] = {}
        if flags is None:
            values = {"FORMAT": "1", "POOL": self.pool, "TOKEN_FILE": str(secret)} | QUICK | SMALL
            values |= {"WORK_DIR": str(work), "RUNTIME": str(self.runtime)}
            values |= {"REQUEST_ID": f"g-{place.name}-{os.getpid()}"} | dict(conf or {})
            text = "".join(quoting.conf_line(key, value) for key, value in values.items())
            flags = ["--conf", str(write(place / "pilot.conf", text, user))]
        if env is None:
            env = {"PATH": PATH, "HOME": str(place / "home")}
        argv: list[str | Path] = ["/bin/bash", self.script, *flags]
        if lead:
            ids = ["--reuid", str(user), "--regid", str(group_of(user)), "--clear-groups"]
            become = ["setpriv", *ids, "--"]
            argv = [*lead, *become, *argv]
        log, id_ = place / "log", values.get("REQUEST_ID", "")
        pid = process.spawn(argv, log=log, env=env, cwd=place, user=None if lead else user)
        pilot = Pilot(pid, log, work, secret, id_)
        self.pilots.append(pilot)
        return pilot

    def close(self) -> None:
        """End everything that was started here, at once."""
        for pilot in self.pilots:
            if pilot.ended() is None:
                with suppress(ProcessLookupError):
                    pilot.signal(signal.SIGKILL)
                pilot.wait()
        process.kill_all_of(self.folder)


def group_of(user: int) -> int:
    """The group of a user; one whom nobody knows has a group of the same number."""
    try:
        return pwd.getpwuid(user).pw_gid
    except KeyError:
        return user


def give(path: Path, user: int) -> Path:
    """Make a path the user's and return it."""
    os.chown(path, user, group_of(user))
    return path


def write(path: Path, text: str, user: int, mode: int = 0o600) -> Path:
    """Write a file that is the user's and return its path."""
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return give(path, user)


@contextmanager
def yard(runtime: Path, pool: str) -> Iterator[Yard]:
    """Yield a yard; at the end all that was started in it is gone, and so is its folder."""
    with pools.open_folder("gly-") as folder:
        opened = Yard(folder, runtime, pool)
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def tmpfs(options: str) -> Iterator[Path]:
    """Yield a mounted tmpfs of a test's own; `options` as mount -o takes them. Root only."""
    with pools.open_folder("glm-") as folder:
        process.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], timeout=10)
        try:
            yield folder
        finally:
            process.run(["umount", "-l", folder], timeout=10)

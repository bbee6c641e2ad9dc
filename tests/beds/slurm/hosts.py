"""Hosts in namespaces of their own: brought up, spoken to, cut off from power, taken down."""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from glidein import process, runtime
from glidein.process import Result
from tests.beds.slurm import layout
from tests.beds.slurm.roots import Root

NAMES = ("cm", "ap", "gw", "login", "head", *(f"c{n}" for n in range(10)))
HERE = Path(__file__).parent


def wait_for(true: Callable[[], object], timeout: float, what: str | Callable[[], str]) -> None:
    """Wait until a condition holds; fail, naming `what` as it is then, when it does not in time."""
    until = time.monotonic() + timeout
    while not true():
        if time.monotonic() > until:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {timeout:g} s: {said}")
        time.sleep(0.05)


class Hosts:
    """The hosts of one bed under one folder, all children of one process, the holder.

    Whoever kills the holder, or us, takes all of it away: a guard sees to what the kernel leaves.
    """

    def __init__(self, root: Root, accounting: bool = True) -> None:
        self.root = root
        self.accounting = accounting
        self.folder = Path()
        self.holder = 0
        self._guard = 0
        self._leash = -1

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Lay out the folder and bring every host up."""
        self.folder = Path(tempfile.mkdtemp(prefix="glb-", dir="/tmp"))
        self._set_guard()
        try:
            self._lay_out()
            os.write(self._leash, b"start\n")
            told = self.folder / "holder"
            wait_for(lambda: told.exists() and told.read_text(), 10, "there is a holder")
            self.holder = int(told.read_text())
            wait_for(self._ready, 90, self.said)
        except BaseException:
            self.stop()
            raise
        return self

    def _lay_out(self) -> None:
        self.folder.chmod(0o755)
        condor = runtime.copy(runtime.get("debian"), self.folder / "runtime")
        layout.write(self.folder, self.root, condor, self.accounting)
        self.prepare()

    def _ready(self) -> bool:
        if (self.folder / "failed").exists() or not process.alive(self.holder):
            raise AssertionError(f"the bed cannot come up:\n{self.said()}")
        return all(map(self.is_up, NAMES))

    def prepare(self) -> None:
        """Write what has to be there before the first host starts."""

    def _set_guard(self) -> None:
        reader, self._leash = os.pipe()
        argv: list[str | Path] = [sys.executable, "-I", HERE / "guard.py", self.folder]
        argv.append(os.environ.get("GLIDEIN_BED_LOGS", ""))
        env = {"PATH": os.environ["PATH"], "GLIDEIN_BED": str(self.folder)}
        try:
            self._guard = process.spawn(argv, log=Path(os.devnull), env=env, stdin=reader)
        finally:
            os.close(reader)

    def stop(self) -> None:
        """Take all of it away; done already is success."""
        if self._leash >= 0:
            os.close(self._leash)
            self._leash = -1
            with suppress(ChildProcessError):
                os.waitpid(self._guard, 0)

    def said(self) -> str:
        """What the hosts that are not up have said, for the failure's message."""
        late = [name for name in NAMES if not self.is_up(name)]
        parts = [f"not up: {' '.join(late)}\n"]
        for name in ("init", *(f"host.{name}" for name in late)):
            log = self.folder / "logs" / name
            tail = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else ["-"]
            parts += [f"{name}: {line}\n" for line in tail]
        return "".join(parts)

    def is_up(self, host: str) -> bool:
        """Whether a host has started all of its daemons."""
        return (self.folder / "up" / host).exists()

    def init_of(self, host: str) -> int:
        """The pid, as this machine counts, of a host's first process. Raises LookupError."""
        bed = _children(self.holder)
        for pid in _children(bed[0]) if bed else []:
            for child in [pid, *_children(pid)]:
                with suppress(OSError):
                    words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                    if words[-3:-1] == [host.encode(), b"inside"] and _level(child) == 3:
                        return child
        raise LookupError(f"{host} has no power")

    def on(
        self,
        host: str,
        user: str,
        *argv: str | Path,
        timeout: float = 60,
        stdin: str | None = None,
        check: bool = True,
    ) -> Result:
        """Run a command on a host as a user who has logged in there. `world` is the outside.

        Raises CommandError when it fails, unless `check` is false, and when it runs too long.
        """
        words = self.command(host, user, *argv)
        return process.run(words, timeout=timeout, stdin=stdin, check=check)

    def _enter(self, pid: int) -> list[str]:
        bed = f"GLIDEIN_BED={self.folder}"
        return ["nsenter", "--target", str(pid), "--all", "--", "env", bed]

    def command(self, host: str, user: str, *argv: str | Path) -> list[str]:
        """Return the command of this machine that runs `argv` there."""
        pid = _children(self.holder)[0] if host == "world" else self.init_of(host)
        return [*self._enter(pid), "bash", str(self.folder / "bin/as.sh"), user, *map(str, argv)]

    def inside(self, *argv: str | Path, timeout: float = 30) -> Result:
        """Run a command as root outside every host, where the links of the network are."""
        pid = _children(self.holder)[0]
        return process.run([*self._enter(pid), *argv], timeout=timeout)


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _level(pid: int) -> int:
    """In how many process namespaces a process is."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return len(line.split()) - 1
    return 0

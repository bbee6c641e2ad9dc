"""Who a process is: never its number alone, which the kernel gives out again.

A process is known by its number, its start time and the machine's boot, so that neither a number
used again nor a restart of the machine makes a stranger look like ours. The machine's name is
kept too: homes are shared, and a process of another machine cannot be seen from here.
"""

import os
import signal
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from glidein import process

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Identity:
    """One process of one boot of one machine."""

    pid: int
    start: int
    boot: str
    node: str

    @classmethod
    def parse(cls, text: str) -> "Identity | None":
        """Read "PID START BOOT NODE"; None for anything else."""
        match text.split():
            case [pid, start, boot, node] if pid.isdecimal() and start.isdecimal():
                return cls(int(pid), int(start), boot, node)
        return None

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Return who the process of that number is now; None if there is none."""
        fields = _stat(pid)
        return cls(pid, int(fields[19]), _boot(), os.uname().nodename) if fields else None

    def __str__(self) -> str:
        return f"{self.pid} {self.start} {self.boot} {self.node}"

    @property
    def elsewhere(self) -> bool:
        """Whether it belongs to another machine, where it may run without our seeing it."""
        return self.node != os.uname().nodename

    def alive(self) -> bool:
        """Whether this very process runs here; one that ended and was not waited for does not."""
        return Identity.of(self.pid) == self and process.alive(self.pid)

    def signal(self, number: int) -> bool:
        """Send a signal to this very process and no other; return whether it was there."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        except OSError:  # a kernel before 5.3: the check below is all there is
            return self._signal_plain(number)
        try:
            if not self.alive():
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True

    def _signal_plain(self, number: int) -> bool:
        if not self.alive():
            return False
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False


def family(root: Identity, marks: Collection[str]) -> set[Identity]:
    """Return the process, its session, its descendants, and whoever carries a mark, as they are.

    A mark is a whole NAME=value of the environment. Session and descent count only while `root`
    itself is there: afterwards their numbers may be somebody else's.
    """
    wanted = {os.fsencode(mark) for mark in marks}
    found = {each for each in everybody() if wanted & _environ(each.pid)}
    if not root.alive():
        return found
    parents, sessions = {}, {}
    for each in everybody():
        if fields := _stat(each.pid):
            parents[each], sessions[each] = int(fields[1]), int(fields[3])
    kin = {root.pid} | {each.pid for each, session in sessions.items() if session == root.pid}
    while new := {each.pid for each, parent in parents.items() if parent in kin} - kin:
        kin |= new
    return found | {each for each in parents if each.pid in kin and each.pid != os.getpid()}


def everybody() -> Iterator[Identity]:
    """Yield every process of this machine that can be seen and has not ended."""
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and process.alive(int(entry.name)):
            one = Identity.of(int(entry.name))
            if one is not None:
                yield one


def _environ(pid: int) -> set[bytes]:
    if pid == os.getpid():
        return set()
    try:
        return set((_PROC / str(pid) / "environ").read_bytes().split(b"\0"))
    except OSError:
        return set()


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; the name before may hold anything."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


@cache
def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()

"""What this process was given of the machine, counted as the payload counts it.

Cores: the CPUs it may run on, and the quotas of its cgroup and of those above. Memory: the
machine's, and the limits of the same cgroups. Versions 1 and 2 of cgroups are read, mixed too.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from glidein.model import Resources

_ROOT = Path("/sys/fs/cgroup")
_SELF = Path("/proc/self/cgroup")


def given(root: Path = _ROOT, own: Path = _SELF) -> Resources:
    """Return the cores and the memory that may be used here; `root` and `own` tell the cgroups."""
    text = Path("/proc/meminfo").read_text()
    found = re.search(r"^MemTotal:\s+(\d+) kB", text, re.MULTILINE)
    memory = [int(found[1]) >> 10] if found else []
    cores = [len(os.sched_getaffinity(0))]
    for folder in _groups(root, own):
        memory += [each >> 20 for each in _memory(folder)]
        cores += _quota(folder)
    return Resources(cpus=min(cores), memory_mb=min(memory, default=None))


def _groups(root: Path, own: Path) -> Iterator[Path]:
    """Yield the folders of our cgroups and of all above them."""
    try:
        lines = own.read_text(errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        tops = [root] if number == "0" else [
            root / each for each in controllers.split(",") if each in ("memory", "cpu")
        ]  # fmt: skip
        for top in tops:
            inner = top / group.lstrip("/")
            yield from (each for each in (inner, *inner.parents) if each.is_relative_to(top))


def _memory(folder: Path) -> list[int]:
    return _numbers(folder / "memory.max", 1) or _numbers(folder / "memory.limit_in_bytes", 1)


def _quota(folder: Path) -> list[int]:
    """Return the cores that a quota makes; less than one still makes one."""
    match _numbers(folder / "cpu.max", 2):
        case [quota, period] if period > 0:
            return [max(1, quota // period)]
    match _numbers(folder / "cpu.cfs_quota_us", 1), _numbers(folder / "cpu.cfs_period_us", 1):
        case [quota], [period] if period > 0:
            return [max(1, quota // period)]
    return []


def _numbers(path: Path, count: int) -> list[int]:
    """Return the first numbers of a file; none if it says "max", "-1" or nothing."""
    words: list[str] = []
    with suppress(OSError):
        words = path.read_text(errors="replace").split()[:count]
    good = len(words) == count and all(word.isascii() and word.isdecimal() for word in words)
    return [int(word) for word in words] if good else []

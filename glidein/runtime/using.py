"""Who runs out of a runtime's folder just now: whoever does would lose its programs with it."""

import os
from pathlib import Path

from glidein.runtime.cache import Runtime


def using(runtime: Runtime) -> tuple[int, ...]:
    """Return the processes that run, or have loaded, a file of the runtime, as far as we can see.

    A runtime that only links to the host's HTCondor is known by what its daemons were called.
    """
    root = os.fsencode(runtime.root.resolve()) + b"/"
    given = os.fsencode(runtime.root.absolute()) + b"/"
    found = (int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal())
    return tuple(sorted(pid for pid in found if pid != os.getpid() and _uses(pid, (root, given))))


def _uses(pid: int, roots: tuple[bytes, ...]) -> bool:
    folder = Path(f"/proc/{pid}")
    try:
        called = (folder / "cmdline").read_bytes().split(b"\0")[0]
        if called.startswith(roots):
            return True
        maps = (folder / "maps").read_bytes().splitlines()
    except OSError:  # it ended, or is another user's, whose pilots have a cache of their own
        return False
    files = (fields[5] for fields in (line.split(None, 5) for line in maps) if len(fields) == 6)
    return any(path.startswith(roots) for path in files)

"""Pools for tests: real HTCondor daemons on loopback, and the users they serve."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from glidein import process, runtime
from glidein.throwaway import PoolOptions, ThrowawayPool

USERS = ("gltest1", "gltest2", "gltest3")


@contextmanager
def open_folder(prefix: str) -> Iterator[Path]:
    """Yield a fresh short folder that every user can enter, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def made_users() -> Iterator[dict[str, int]]:
    """Make the test users, with homes, and remove them again; yields uid by name. Root only.

    Users that were there already are another session's: it fails, and leaves them alone.
    """
    made: list[str] = []
    try:
        for name in USERS:
            process.run(["useradd", "--create-home", "--shell", "/bin/bash", name], timeout=30)
            made.append(name)
        yield {name: pwd.getpwnam(name).pw_uid for name in USERS}
    finally:
        for name in made:
            process.run(["userdel", "--remove", name], timeout=30, check=False)


def readable_by_all(found: runtime.Runtime, folder: Path) -> runtime.Runtime:
    """Return the runtime, copied to `folder` if others cannot reach it where it lies."""
    if all(part.stat().st_mode & 0o001 for part in (found.root, *found.root.parents)):
        return found
    return replace(found, root=runtime.copy(found, folder / "runtime"))


@contextmanager
def pool_of(found: runtime.Runtime, options: PoolOptions | None = None) -> Iterator[ThrowawayPool]:
    """Yield a running pool in a folder of its own."""
    with open_folder("glp-") as folder:
        pool = ThrowawayPool(found, folder / "pool", options)
        try:
            yield pool.start()
        finally:
            pool.stop()


def as_root() -> bool:
    """Whether these tests run as root."""
    return os.geteuid() == 0

"""Folders to build in, in a cache that several may use at once and anybody may be killed in.

Locks are files, not folders, and are opened for writing: NFS takes no other. Where a file system
has no locks at all, and for folders of other machines, age decides: a day.
"""

import fcntl
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from glidein.errors import RuntimeUnavailable

_PREFIX = ".new-"
_LOCK = ".lock"
_DAY = 86400


@contextmanager
def building(cache: Path) -> Iterator[Path]:
    """Yield an empty folder to build in; it is removed at the end, and swept if we are killed.

    What the operating system refuses inside becomes RuntimeUnavailable.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with locked(cache):
            _sweep(cache)
            folder = Path(tempfile.mkdtemp(prefix=_prefix(), dir=cache))
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            _take(descriptor)
    except OSError as error:
        raise RuntimeUnavailable(f"the cache {cache} cannot be written: {error}") from error
    try:
        yield folder
    except OSError as error:
        raise RuntimeUnavailable(f"no runtime could be made in {cache}: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Hold the cache for ourselves, for moments only: no one builds or fetches under it."""
    descriptor = os.open(cache / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor)
        yield
    finally:
        os.close(descriptor)


def discard(folder: Path) -> None:
    """Remove a folder of the cache: gone under its name at once, whatever happens to us."""
    with locked(folder.parent):
        hidden = Path(tempfile.mkdtemp(prefix=_prefix(), dir=folder.parent))
        folder.rename(hidden / folder.name)
    shutil.rmtree(hidden, ignore_errors=True)


def sync(tree: Path) -> None:
    """Bring a tree to disk, so that a rename to its place never shows half of it after a crash."""
    for path in [*tree.rglob("*"), tree]:
        if path.is_symlink():
            continue
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _prefix() -> str:
    return f"{_PREFIX}{socket.gethostname()}-"


def _take(descriptor: int, *, wait: bool = True) -> bool:
    """Lock; whether that could be done. A file system without locks is no reason to fail."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _sweep(cache: Path) -> None:
    for folder in cache.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if _abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _abandoned(folder: Path) -> bool:
    old = time.time() - folder.stat().st_mtime > _DAY
    if old or not folder.name.startswith(_prefix()):
        return old
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return True  # building makes it before it lets go of the cache
    try:
        return _take(descriptor, wait=False)
    finally:
        os.close(descriptor)

"""HTCondor out of Debian's packages, as an ordinary user, on any machine that has apt.

apt is given folders and settings of its own, so that nothing of the system is read or changed but
its sources of packages and its settings for reaching them; it checks the archive's signature. The
packages are unpacked, not installed.
"""

import os
import platform
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from glidein import process
from glidein.errors import RuntimeUnavailable
from glidein.runtime import apt, assemble, cache, facts, relocate
from glidein.runtime.building import building
from glidein.runtime.cache import Runtime

# Raised when the recipe below makes another tree of the same packages, so that one that an older
# Glidein left in the cache is not taken for it.
RECIPE = "2"
_FOLDERS = {"bin": "usr/bin", "sbin": "usr/sbin", "libexec": "usr/libexec/condor"}
_LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib", "lib/x86_64-linux-gnu", "usr/lib64", "lib64")


def source_of(suite: str) -> str:
    """Return what a runtime of this suite calls its source."""
    return f"Debian {suite}"


def cached(suite: str, where: Path) -> Runtime | None:
    """Return the newest sound runtime of this suite that the cache holds, made by this recipe."""
    found = [known for known in cache.list_runtimes(where) if known.source == source_of(suite)]
    for runtime in sorted(found, key=lambda r: r.root.stat().st_mtime, reverse=True):
        if cache.read_about(runtime.root).get("RECIPE") == RECIPE and not cache.verify(runtime):
            return runtime
    return None


def get(
    suite: str, where: Path, progress: Callable[[str], None], sources: Path = apt.SOURCES
) -> Runtime:
    """Make a runtime of the suite's condor package in the cache `where`; see module docstring.

    `sources` is the folder that apt's own sources are read from. Raises RuntimeUnavailable, with
    apt's words, if that cannot be done here.
    """
    with building(where) as folder:
        progress(f"fetching HTCondor from Debian {suite}")
        root = unpacked("condor", suite, folder, sources)
        tree = folder / "tree"
        assemble.lay(_chosen(root), tree)
        progress("making it relocatable")
        relocate.prepare(tree)
        about = {**facts.of(tree), "SOURCE": source_of(suite), "RECIPE": RECIPE}
        return cache.store(tree, where, about)


def unpacked(package: str, suite: str, folder: Path, sources: Path = apt.SOURCES) -> Path:
    """Return a folder below `folder` that holds a package and all it depends on, not installed.

    Raises RuntimeUnavailable, with apt's words, if that cannot be done here.
    """
    if platform.machine() != "x86_64":
        raise RuntimeUnavailable(f"there is no recipe for {platform.machine()}, only for x86_64")
    for tool in ("apt-get", "apt-config", "dpkg-deb"):
        if shutil.which(tool, path=apt.PATH) is None:
            raise RuntimeUnavailable(f"there is no {tool} here")
    packages = apt.download(package, suite, apt.archive(sources), folder / "apt")
    return _unpack(packages, folder / "root")


def _unpack(packages: list[Path], root: Path) -> Path:
    root.mkdir()
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        list(pool.map(partial(_unpack_one, root), packages))
    return root


def _unpack_one(root: Path, package: Path) -> None:
    try:
        process.run(["dpkg-deb", "-x", package, root], timeout=300)
    except process.CommandError as error:
        raise RuntimeUnavailable(str(error)) from error


def _chosen(root: Path) -> assemble.Files:
    folders = {target: root / folder for target, folder in _FOLDERS.items()}
    files = assemble.programs(folders) | assemble.templates([root / "usr/lib/condor"])
    return assemble.with_libraries(files, assemble.Libraries([root / f for f in _LIBRARIES]))

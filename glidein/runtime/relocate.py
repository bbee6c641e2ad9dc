"""Making a runtime that runs from any folder, on any Linux of its architecture.

A program names its loader by an absolute path. Here that field is stretched once to the longest
path the kernel takes, and RELOCATE lists where it lies; placing the runtime is writing the real
path into each such field, which the payload does with dd. Libraries are found by an RPATH relative
to the file, which LD_LIBRARY_PATH cannot override.
"""

import shutil
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from glidein import process
from glidein.errors import RuntimeUnavailable
from glidein.runtime import elf

LOADER = "lib/ld-linux-x86-64.so.2"
TABLE = "RELOCATE"
PROGRAM_FOLDERS = ("bin", "sbin", "libexec")
_PATH_MAX = 4096
# patchelf must leave these alone: the loader and libc find nothing through an RPATH.
_UNTOUCHED = ("ld-linux", "libc.so")


def prepare(tree: Path) -> None:
    """Make every program and library under `tree` relocatable and write RELOCATE.

    Raises RuntimeUnavailable if patchelf is missing or refuses a file.
    """
    tool = _patchelf()
    for path in _files(tree, PROGRAM_FOLDERS):
        found = elf.read(path)
        if found is not None and found.interpreter is not None:
            depth = "../" * (len(path.relative_to(tree).parts) - 1)
            _patch(tool, path, f"$ORIGIN/{depth}lib", "--set-interpreter", "x" * (_PATH_MAX - 1))
        elif found is not None:
            _patch(tool, path, "$ORIGIN/../lib")
    for path in _files(tree, ("lib",)):
        if not path.name.startswith(_UNTOUCHED) and elf.read(path) is not None:
            _patch(tool, path, "$ORIGIN")
    (tree / TABLE).write_text("".join(_table(tree)))


def place(tree: Path, final: Path) -> None:
    """Write the loader's path, as it will be under `final`, into every program of `tree`.

    Raises RuntimeUnavailable if that path is longer than the kernel takes.
    """
    table = tree / TABLE
    if not table.exists():
        return
    loader = str(final / LOADER).encode()
    if len(loader) >= _PATH_MAX:
        raise RuntimeUnavailable(f"{final} is too long a path for a runtime")
    for line in table.read_text().splitlines():
        offset, length, name = line.split(" ", 2)
        with (tree / name).open("r+b") as file:
            file.seek(int(offset))
            file.write(loader.ljust(int(length), b"\0"))


def unplace(tree: Path) -> None:
    """Blank the loader's path again, so that equal runtimes are equal bytes wherever they lay."""
    if (tree / TABLE).exists():
        for line in (tree / TABLE).read_text().splitlines():
            offset, length, name = line.split(" ", 2)
            with (tree / name).open("r+b") as file:
                file.seek(int(offset))
                file.write(b"x" * (int(length) - 1) + b"\0")


def _files(tree: Path, folders: Iterable[str]) -> list[Path]:
    found = (path for folder in folders for path in (tree / folder).rglob("*"))
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _table(tree: Path) -> Iterable[str]:
    for path in _files(tree, PROGRAM_FOLDERS):
        found = elf.read(path)
        if found is not None and found.interpreter is not None:
            offset, length = found.interpreter
            yield f"{offset} {length} {path.relative_to(tree)}\n"


def _patchelf() -> Path:
    beside = Path(sysconfig.get_path("scripts"), "patchelf")
    found = beside if beside.exists() else shutil.which("patchelf")
    if found is None:
        raise RuntimeUnavailable("patchelf is missing: reinstall glidein, which brings it")
    return Path(found)


def _patch(tool: Path, path: Path, rpath: str, *more: str) -> None:
    argv: list[str | Path] = [tool, *more, "--force-rpath", "--set-rpath", rpath, path]
    try:
        process.run(argv, timeout=60)
    except process.CommandError as error:
        raise RuntimeUnavailable(str(error)) from error

"""Making a runtime that runs from any folder, on any Linux of its architecture.

A program names its loader by an absolute path. Here that field is stretched once to the longest
path the kernel takes, and RELOCATE lists where it lies, one line `OFFSET LENGTH PATH` each; placing
the runtime is writing the real path into each such field, which the payload does with dd.

Libraries are found by an RPATH of the program, relative to itself. It counts for whatever the
program loads, directly or not, and comes before LD_LIBRARY_PATH; so libraries stay byte for byte
what they were, but for those that bring a search path of their own.
"""

import hashlib
import os
import shutil
import sysconfig
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from glidein import process
from glidein.errors import RuntimeUnavailable
from glidein.runtime import elf

LOADER = "lib/ld-linux-x86-64.so.2"
TABLE = "RELOCATE"
PROGRAM_FOLDERS = ("bin", "sbin", "libexec")
_PATH_MAX = 4096


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a program holds its loader's path."""

    offset: int
    length: int
    path: str

    @property
    def empty(self) -> bytes:
        """What the field holds in a runtime that is placed nowhere."""
        return b"x" * (self.length - 1) + b"\0"


def spots(tree: Path) -> tuple[Spot, ...]:
    """Return the fields that RELOCATE lists; none for a tree that has no such file.

    Raises RuntimeUnavailable for a table that leads out of the tree or cannot be read.
    """
    try:
        text = (tree / TABLE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    try:
        found = tuple(_spot(line) for line in text.splitlines())
    except ValueError as error:
        raise RuntimeUnavailable(f"{tree / TABLE} cannot be read: {error}") from None
    for spot in found:
        if ".." in Path(spot.path).parts or spot.path.startswith("/"):
            raise RuntimeUnavailable(f"{tree / TABLE} leads out of the runtime: {spot.path}")
    return found


def _spot(line: str) -> Spot:
    offset, length, path = line.split(" ", 2)
    return Spot(int(offset), int(length), path)


def write_table(tree: Path, found: Iterable[Spot]) -> None:
    """Write RELOCATE, sorted by path."""
    lines = [f"{s.offset} {s.length} {s.path}\n" for s in sorted(found, key=lambda s: s.path)]
    (tree / TABLE).write_text("".join(lines), encoding="utf-8")


def prepare(tree: Path) -> None:
    """Make every program and library under `tree` relocatable and write RELOCATE.

    The result depends on the files alone, not on where the tree lies. Raises RuntimeUnavailable if
    patchelf is missing or refuses a file.
    """
    patch = partial(_patch, tree, _patchelf())
    paths = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        write_table(tree, [spot for spot in pool.map(patch, paths) if spot is not None])


def _patch(tree: Path, tool: Path, path: Path) -> Spot | None:
    parts, name = elf.read(path), path.relative_to(tree).as_posix()
    if parts is None or not parts.dynamic or name == LOADER:
        return None
    if parts.interpreter is None or name.startswith("lib/"):
        if parts.search:
            _run(tool, path, "$ORIGIN")
        return None
    up = "/".join([".."] * name.count("/"))
    _run(tool, path, f"$ORIGIN/{up}/lib", "--set-interpreter", "x" * (_PATH_MAX - 1))
    patched = elf.read(path)
    if patched is None or patched.interpreter is None:
        raise RuntimeUnavailable(f"patchelf spoiled {name}")
    return Spot(patched.interpreter.offset, patched.interpreter.length, name)


def place(tree: Path, final: Path) -> None:
    """Write the loader's path, as it will be under `final`, into every program of `tree`.

    Raises RuntimeUnavailable, and writes nothing, if that path is longer than the kernel takes.
    """
    loader = os.fsencode(final / LOADER)
    found = spots(tree)
    if any(len(loader) >= spot.length for spot in found):
        raise RuntimeUnavailable(f"{final} is too long a path for a runtime")
    for spot in found:
        _write(tree, spot, loader.ljust(spot.length, b"\0"))


def unplace(tree: Path) -> None:
    """Blank the loader's path again, so that equal runtimes are equal bytes wherever they lay."""
    for spot in spots(tree):
        _write(tree, spot, spot.empty)


def placed_at(tree: Path) -> Path | None:
    """Return the loader that the tree's programs name, None if nothing in it is to be placed."""
    for spot in spots(tree):
        with (tree / spot.path).open("rb") as file:
            file.seek(spot.offset)
            return Path(os.fsdecode(file.read(spot.length).rstrip(b"\0")))
    return None


def unplaced_digest(path: Path, spot: Spot) -> str:
    """Return the SHA-256 that the program has in a runtime that is placed nowhere."""
    image = path.read_bytes()
    before, after = image[: spot.offset], image[spot.offset + spot.length :]
    return hashlib.sha256(before + spot.empty + after).hexdigest()


def _write(tree: Path, spot: Spot, value: bytes) -> None:
    with (tree / spot.path).open("r+b") as file:
        file.seek(spot.offset)
        file.write(value)


def _patchelf() -> Path:
    beside = Path(sysconfig.get_path("scripts"), "patchelf")
    found = beside if beside.exists() else shutil.which("patchelf")
    if found is None:
        raise RuntimeUnavailable("patchelf is missing: reinstall glidein, which brings it")
    return Path(found)


def _run(tool: Path, path: Path, rpath: str, *more: str) -> None:
    argv: list[str | Path] = [tool, *more, "--force-rpath", "--set-rpath", rpath, path]
    try:
        process.run(argv, timeout=60)
    except process.CommandError as error:
        raise RuntimeUnavailable(str(error)) from error

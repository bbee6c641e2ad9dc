"""What a runtime consists of: the SHA-256 of each of its files, in the form of sha256sum(1).

There are two of each runtime. As placed: what the files are where they lie, kept in `manifest`, so
that `sha256sum -c manifest` works there. As packed: the same with the loader's fields empty, so
that it does not depend on the folder; its own SHA-256 is what a runtime is known by, and can be
computed again at any time.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from glidein.runtime import relocate

NAME = "manifest"
ABOUT = "about"
_DESCRIPTIONS = (NAME, ABOUT)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files(tree: Path) -> list[str]:
    """Return the tree's files, sorted; a link to a file counts as one, a dangling one too."""
    found = (path for path in tree.rglob("*") if path.is_symlink() or path.is_file())
    names = (path.relative_to(tree).as_posix() for path in found if not path.is_dir())
    return sorted(name for name in names if name not in _DESCRIPTIONS)


def as_placed(tree: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that can be read, by name."""
    sums = {}
    for name in files(tree):
        try:
            sums[name] = file_sha256(tree / name)
        except OSError:
            continue
    return sums


def as_packed(tree: Path, placed: Mapping[str, str]) -> dict[str, str]:
    """Return the same with the loader's fields empty. `placed` is what as_placed returned."""
    fields = {spot.path: spot for spot in relocate.spots(tree)}
    return {
        name: relocate.unplaced_digest(tree / name, fields[name]) if name in fields else digest
        for name, digest in placed.items()
    }


def text(sums: Mapping[str, str]) -> str:
    """Return checksums as sha256sum prints them."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))


def parse(written: str) -> dict[str, str]:
    """Read checksums back; a line that is none is passed over."""
    pairs = (line.partition("  ") for line in written.splitlines())
    return {name: digest for digest, between, name in pairs if between and len(digest) == 64}


def identity(tree: Path) -> str:
    """Return the SHA-256 of the tree's packed manifest: equal content, equal identity."""
    return hashlib.sha256(text(as_packed(tree, as_placed(tree))).encode()).hexdigest()


def write(tree: Path) -> None:
    """Write `manifest` for the tree as it lies there now."""
    (tree / NAME).write_text(text(as_placed(tree)), encoding="utf-8")

"""What installed packages add to the command line, read as importlib.metadata would, but quicker.

importlib.metadata loads email, csv, zipfile and socket: a tenth of the time of `glidein --help`.
This reads the same files of the same folders of sys.path; an archive on it is not looked into.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

_FACTS = (".dist-info", ".egg-info")


@dataclass(frozen=True, slots=True)
class Point:
    """An entry point: `value` is MODULE:ATTRIBUTE, `folder` what its package's facts lie in."""

    name: str
    value: str
    folder: Path

    @property
    def package(self) -> str:
        """The package's name, as its metadata tells it."""
        for fact in ("METADATA", "PKG-INFO"):
            with suppress(OSError):
                for line in (self.folder / fact).read_text(encoding="utf-8").splitlines():
                    if line.startswith("Name:"):
                        return line.partition(":")[2].strip()
        return self.value.partition(":")[0]

    def load(self) -> Any:
        """Import and return what it names."""
        module, _, attributes = self.value.partition(":")
        found: Any = import_module(module)
        for each in attributes.split("."):
            found = getattr(found, each)
        return found


def points(group: str) -> tuple[Point, ...]:
    """Return the entry points of a group; of a package that is there twice, the first one's."""
    found: dict[str, list[Point]] = {}
    for folder in _folders():
        key = folder.name.partition("-")[0].lower().replace(".", "_")
        if key not in found:
            found[key] = list(_read(folder, group))
    return tuple(point for each in found.values() for point in each)


def _folders() -> Iterator[Path]:
    for place in sys.path:
        with suppress(OSError), os.scandir(place or ".") as entries:
            names = [
                each.path for each in entries if each.name.endswith((".dist-info", ".egg-info"))
            ]
            yield from map(Path, sorted(names))


def _read(folder: Path, group: str) -> Iterator[Point]:
    inside = False
    with suppress(OSError):
        for line in (folder / "entry_points.txt").read_text(encoding="utf-8").splitlines():
            text = line.strip()
            if text.startswith("["):
                inside = text == f"[{group}]"
            elif inside and text and not text.startswith("#"):
                name, _, value = text.partition("=")
                yield Point(name.strip(), value.partition("[")[0].strip(), folder)

"""The catalogue's files: those that ship, a site's and a user's overlays; merged, then read.

An overlay has the name of its system, NAME.toml, and says only what differs; it may add queues,
and a name that no shipped file has adds a system. A list is replaced whole, a limit is cleared by
"none", a retired mark by "". Later files win: shipped, the site's, the user's.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from glidein import paths
from glidein.catalogue import schema
from glidein.catalogue.building import dotted, read_system
from glidein.catalogue.facts import System
from glidein.errors import ConfigError, Problem

SHIPPED = "shipped"


@dataclass(frozen=True, slots=True)
class Source:
    """One file: of which system it speaks, its text; `origin` is "shipped" or its path."""

    system: str
    origin: str
    text: str

    @property
    def label(self) -> str:
        """What a message calls it: a shipped file by its name, an overlay by its path."""
        return f"{self.system}.toml" if self.origin == SHIPPED else self.origin


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The systems by name, where each value came from, and what is wrong with the files.

    `origins` has, by system, the origin of every value that stands in a file, by dotted path. A
    system whose files have a problem is in `broken` and not in `systems`.
    """

    systems: Mapping[str, System]
    origins: Mapping[str, Mapping[str, str]]
    broken: Mapping[str, tuple[Problem, ...]]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, in the order of the systems' names."""
        return tuple(problem for name in sorted(self.broken) for problem in self.broken[name])

    def get(self, name: str) -> System:
        """Return the system of exactly that name. Raises ConfigError with what is wrong with it."""
        if name in self.broken:
            raise ConfigError(self.broken[name])
        return self.systems[name]


def load() -> Catalogue:
    """Read the catalogue as this user sees it, overlays included."""
    return merge(*load_sources())


def load_sources() -> tuple[list[Source], dict[str, list[Problem]]]:
    """Return all files, in the order in which they are laid over each other, and what is unread."""
    overlays, unread = _overlays()
    return [*shipped(), *overlays], unread


def shipped() -> list[Source]:
    """Return the files that come with Glidein."""
    folder = files("glidein").joinpath("systems")
    found = [each for each in folder.iterdir() if each.name.endswith(".toml")]
    return [
        Source(each.name.removesuffix(".toml"), SHIPPED, each.read_text(encoding="utf-8"))
        for each in sorted(found, key=lambda each: each.name)
    ]


def user_folder() -> Path:
    """Return the folder of the user's own files of systems."""
    return paths.config() / "systems"


def overlay_folders() -> list[Path]:
    """Return the folders of overlays, the one that wins last: the site's, then the user's."""
    given = os.environ.get("XDG_CONFIG_DIRS", "") or "/etc/xdg"
    # The XDG specification: the first folder counts most, and what is not absolute is ignored.
    site = [Path(each) for each in given.split(":") if each.startswith("/")]
    return [*(each / "glidein" / "systems" for each in reversed(site)), user_folder()]


def _overlays() -> tuple[list[Source], dict[str, list[Problem]]]:
    """Return the overlays, and what could not be read: by system, "" for a whole folder."""
    found: list[Source] = []
    unread: dict[str, list[Problem]] = {}
    for folder in overlay_folders():
        try:
            each_file = sorted(each for each in folder.iterdir() if each.suffix == ".toml")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            unread.setdefault("", []).append(Problem(str(folder), f"cannot be read: {error}"))
            continue
        for each in each_file:
            try:
                found.append(Source(each.stem, str(each), each.read_text(encoding="utf-8")))
            except (OSError, UnicodeDecodeError) as error:
                problem = Problem(str(each), f"cannot be read: {error}", "Mend or remove it")
                unread.setdefault(each.stem, []).append(problem)
    return found, unread


def merge(
    sources: Iterable[Source], unread: Mapping[str, Iterable[Problem]] | None = None
) -> Catalogue:
    """Return the catalogue that the files say, the later ones laid over the earlier. Pure.

    `unread` are the problems of files that could not even be read, by system.
    """
    raw: dict[str, dict[str, Any]] = {}
    origins: dict[str, dict[str, str]] = {}
    labels: dict[str, str] = {}
    broken = {name: list(found) for name, found in (unread or {}).items()}
    for source in sources:
        labels.setdefault(source.system, source.label)
        if source.origin != SHIPPED:
            labels[source.origin] = source.label
        try:
            table = _parsed(source)
        except ConfigError as error:
            broken.setdefault(source.system, []).extend(error.problems)
            continue
        _lay(raw.setdefault(source.system, {}), table, (), source, origins)
    systems = {}
    for name, table in sorted(raw.items()):
        known = origins.setdefault(name, {})
        where = partial(_where, known, labels, labels[name])
        read = read_system(name, table, where)
        if isinstance(read, System) and name not in broken:
            systems[name] = read
        elif not isinstance(read, System):
            broken.setdefault(name, []).extend(read)
    bad = {name: tuple(found) for name, found in broken.items() if found}
    return Catalogue(systems, origins, bad)


def _parsed(source: Source) -> dict[str, Any]:
    if not re.fullmatch(schema.NAME, source.system):
        raise ConfigError.one(source.label, f"{source.system!r} is no system's name")
    try:
        return tomllib.loads(source.text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError.one(source.label, f"is no TOML: {error}") from error


def _lay(
    below: dict[str, Any],
    above: Mapping[str, Any],
    path: tuple[str, ...],
    source: Source,
    origins: dict[str, dict[str, str]],
) -> None:
    """Lay one table over another, tables within tables, and keep where each value is from."""
    for key, value in above.items():
        here = (*path, key)
        if isinstance(value, dict):
            if not isinstance(below.get(key), dict):
                below[key] = {}
            _lay(below[key], value, here, source, origins)
        else:
            below[key] = value
        origins.setdefault(source.system, {})[dotted(*here)] = source.origin


def _where(origins: Mapping[str, str], labels: Mapping[str, str], otherwise: str, path: str) -> str:
    """Return the label of the file that a path came from, or that of what is above it."""
    while path and path not in origins:
        path = path.rpartition(".")[0]
    return labels.get(origins.get(path, ""), otherwise)

"""A user's own file of a system: written as TOML, checked with the others, put in place whole."""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glidein.catalogue.building import dotted, quoted
from glidein.catalogue.facts import System
from glidein.catalogue.files import Catalogue, Source, load_sources, merge, user_folder
from glidein.catalogue.schema import NAME
from glidein.errors import ConfigError


def toml(table: Mapping[str, Any], remark: str = "") -> str:
    """Return the table as TOML: first the values, then the tables below it, in their order."""
    lines = [f"# {remark}"] if remark else []
    _write(table, (), lines)
    return "\n".join(lines) + "\n"


def _write(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    if path and (plain or not table):
        lines.extend(["", f"[{dotted(*path)}]"])
    lines.extend(f"{dotted(key)} = {_value(value)}" for key, value in plain.items())
    for key, value in table.items():
        if isinstance(value, dict):
            _write(value, (*path, key), lines)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, str):
        return quoted(value)
    return str(value)


def add(name: str, table: Mapping[str, Any], remark: str, *, force: bool) -> tuple[Path, Catalogue]:
    """Write the user's file of that system; return where it lies and the catalogue with it.

    Nothing is written unless all files of the system, this one included, are right together; it
    is there whole or not at all. Raises ConfigError for what is wrong, and for a file that is
    there already unless `force`.
    """
    path = _own(name)
    text = toml(table, remark)
    merged = _merged(name, [Source(name, str(path), text)])
    merged.get(name)
    _put(path, text, force=force)
    return path, merged


def without_own(name: str) -> System | None:
    """Return the system as all files but the user's own describe it; None if they know it not.

    Raises ConfigError if those files are wrong, and for what cannot be a system's name.
    """
    found = _merged(name, [])
    return found.get(name) if name in {*found.systems, *found.broken} else None


def _own(name: str) -> Path:
    if not re.fullmatch(NAME, name):
        raise ConfigError.one("SYSTEM", f"{name!r} is no system's name", "Example: mycluster")
    return user_folder() / f"{name}.toml"


def _merged(name: str, fresh: Sequence[Source]) -> Catalogue:
    """Return the catalogue with `fresh` in place of the user's own file of that system."""
    own = str(_own(name))
    sources, unread = load_sources()
    kept = {key: found for key, found in unread.items() if key != name or found[0].path != own}
    return merge([*(each for each in sources if each.origin != own), *fresh], kept)


def _put(path: Path, text: str, *, force: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if force:
            Path(draft).replace(path)
            return
        try:
            path.hardlink_to(draft)  # unlike a rename, it never replaces what is there
        except FileExistsError as error:
            raise ConfigError.one(
                str(path), "is there already", "Edit it, or replace it with --force"
            ) from error
    finally:
        Path(draft).unlink(missing_ok=True)

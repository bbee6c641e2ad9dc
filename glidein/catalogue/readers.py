"""Readers of single values of a catalogue file: what TOML gave in, a typed value out.

Each raises Wrong for what it cannot take; who calls it knows file and path.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from glidein import quantities
from glidein.errors import ConfigError

Reader = Callable[[Any], Any]
NONE = "none"
_MOST = 10_000_000
_UNIT = re.compile(r"[0-9.]+ ?[A-Za-z]+", re.ASCII)
_CLOCK = re.compile(r"(?:\d+-)?\d+:\d+(?::\d+)?", re.ASCII)
_FOLDER = re.compile(r"(?:/|\$\{[A-Za-z_][A-Za-z0-9_]*\})(?:[^\x00-\x1f$]|\$\{[A-Za-z_]\w*\})*")


class Wrong(Exception):  # noqa: N818 - says what the value is
    """A value that cannot be taken: why, and what to write instead."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def text(raw: Any) -> str:
    """Read one line of text without control characters; it may be empty."""
    if not isinstance(raw, str):
        raise Wrong(f"{raw!r} is no text", 'Write it between double quotes: "..."')
    if not raw.isprintable():
        raise Wrong(f"{raw!r} is not one line of printable text")
    return raw.strip()


def told(raw: Any) -> str:
    """Read text that must say something."""
    if not (said := text(raw)):
        raise Wrong("is empty", "Say it in a few words")
    return said


def matching(pattern: str, what: str, example: str) -> Reader:
    """Return a reader of text of one form; empty text is taken too."""
    form = re.compile(pattern, re.ASCII)

    def read(raw: Any) -> str:
        said = text(raw)
        if said and not form.fullmatch(said):
            raise Wrong(f"{said!r} is no {what}", f"Example: {example}")
        return said

    return read


def folder(raw: Any) -> str:
    """Read a folder of the system: from the root or from a ${VARIABLE} on."""
    if not _FOLDER.fullmatch(said := text(raw)):
        raise Wrong(f"{said!r} is no folder", 'Write "/scratch/${USER}" or "${SCRATCH}/x"')
    return said


def flag(raw: Any) -> bool:
    """Read true or false."""
    if not isinstance(raw, bool):
        raise Wrong(f"{raw!r} is neither true nor false", "Write true or false, without quotes")
    return raw


def count(least: int) -> Reader:
    """Return a reader of whole numbers from `least` up."""

    def read(raw: Any) -> int:
        if not isinstance(raw, int) or isinstance(raw, bool) or not least <= raw <= _MOST:
            raise Wrong(f"{raw!r} is no whole number from {least} up")
        return raw

    return read


def memory(raw: Any) -> int:
    """Read an amount of memory with its unit; return MiB."""
    if not isinstance(raw, str) or not _UNIT.fullmatch(raw.strip()):
        raise Wrong(f"{raw!r} is no amount of memory with a unit", 'Write "256GiB" or "262144MB"')
    return int(_quantity(lambda: quantities.parse_memory(raw)))


def span(raw: Any) -> int:
    """Read a span of time with its unit; return seconds, at least one."""
    form = isinstance(raw, str) and (_UNIT.fullmatch(raw.strip()) or _CLOCK.fullmatch(raw.strip()))
    if not form:
        raise Wrong(f"{raw!r} is no span of time with a unit", 'Write "48h" or "30m"')
    if (seconds := int(_quantity(lambda: quantities.parse_seconds(raw)))) < 1:
        raise Wrong(f"{raw!r} is no time at all", 'Write "48h" or "30m"')
    return seconds


def _quantity(parse: Callable[[], int]) -> int:
    try:
        return parse()
    except ConfigError as error:
        raise Wrong(error.problems[0].message, error.problems[0].remedy) from error


def day(raw: Any) -> date:
    """Read a date, as TOML writes it: 2026-11-23, without quotes."""
    if not isinstance(raw, date) or isinstance(raw, datetime):
        raise Wrong(f"{raw!r} is no date", "Write 2026-11-23, without quotes")
    return raw


def choice(names: Iterable[str], kind: Callable[[str], Any] = str) -> Reader:
    """Return a reader of one of several words, made into `kind`."""
    known = list(names)

    def read(raw: Any) -> Any:
        if raw not in known:
            raise Wrong(f"{raw!r} is none of {', '.join(known)}")
        return kind(raw)

    return read


def none_or(reader: Reader) -> Reader:
    """Return a reader that also takes "none": no limit, or none known; so an overlay clears one."""

    def read(raw: Any) -> Any:
        return None if raw == NONE else reader(raw)

    return read


def many(reader: Reader) -> Reader:
    """Return a reader of a list, each element read by `reader`, none of them twice."""

    def read(raw: Any) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            raise Wrong(f"{raw!r} is no list", 'Write ["one", "two"]')
        found = tuple(reader(each) for each in raw)
        if len(set(found)) < len(found):
            raise Wrong(f"{raw!r} says something twice")
        return found

    return read

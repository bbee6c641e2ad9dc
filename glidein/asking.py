"""From the user's words to a pilot's spec: every problem at once, in the words of the options.

Whatever starts pilots (run, slurm, annex, cloud) reads the common options here, so that they mean
the same everywhere.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from glidein import matching, paths, quantities, quoting
from glidein.errors import ConfigError, Problem, RenderError
from glidein.model import PilotSpec, PoolAddress, Resources, RuntimeChoice

_Value = TypeVar("_Value")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_URL = re.compile(r"(https?|ftp)://\S+", re.ASCII)
_MOST_CORES = 100_000
LEAST_LIFE = 60


class Problems:
    """Collects what is wrong, so that the user sees all of it in one go."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, path: str, message: str, remedy: str = "") -> None:
        """Note one problem."""
        self.found.append(Problem(path, message, remedy))

    def take(self, read: Callable[[], _Value], otherwise: _Value) -> _Value:
        """Return what `read` returns; if it raises ConfigError, note that and use `otherwise`."""
        try:
            return read()
        except ConfigError as error:
            self.found.extend(error.problems)
            return otherwise

    def settle(self) -> None:
        """Raise ConfigError with all that was noted, if anything was."""
        if self.found:
            raise ConfigError(self.found)


@dataclass(frozen=True, slots=True)
class Words:
    """The common options as the user typed them; empty means not given."""

    pool: str = ""
    owners: Sequence[str] = ()
    start: str = ""
    cpus: str = ""
    memory: str = ""
    gpus: str = ""
    lifetime: str = "12h"
    idle_time: str = "20m"
    grace: str = "60"
    name: str = ""
    runtime: str = ""
    sha256: str = ""


def spec(words: Words, problems: Problems) -> PilotSpec:
    """Return the spec that the words say; what is wrong goes to `problems`."""
    take = problems.take
    if not words.pool:
        problems.add("--pool", "is missing", "Write HOST[:PORT][?sock=NAME] of the collector")
    nowhere = PoolAddress("localhost")
    _start(words.start, problems)
    lifetime = take(lambda: _span(words.lifetime, "--lifetime", LEAST_LIFE), LEAST_LIFE)
    return PilotSpec(
        pool=take(lambda: PoolAddress.parse(words.pool), nowhere) if words.pool else nowhere,
        owners=owners(words.owners, problems),
        start=words.start.strip(),
        resources=Resources(
            cpus=take(lambda: _count(words.cpus, "--cpus", 1), None),
            memory_mb=take(lambda: quantities.parse_memory(words.memory, "--memory"), None)
            if words.memory
            else None,
            gpus=take(lambda: _count(words.gpus, "--gpus", 0), None),
        ),
        lifetime=lifetime,
        idle_time=take(lambda: _span(words.idle_time, "--idle-time", 1), 1),
        grace=take(lambda: _span(words.grace, "--grace", 0), 0),
        name=_held(words.name, "--name", problems),
    )


def owners(given: Sequence[str], problems: Problems) -> tuple[str, ...]:
    """Return the owners, given apart or with commas between them, each once, in order."""
    found: dict[str, None] = {}
    for text in given:
        for part in text.split(","):
            if not part.strip():
                problems.add("--owners", f"{text!r} has an empty name", "Write --owners alice,bob")
            else:
                found[_held(part.strip(), "--owners", problems)] = None
    return tuple(found)


def runtime(words: Words, problems: Problems) -> RuntimeChoice | None:
    """Return which HTCondor the pilot is to use; None lets it search."""
    if words.sha256 and not _SHA256.fullmatch(words.sha256):
        problems.add("--sha256", f"{words.sha256!r} is no SHA-256", "It has 64 digits of 0-9a-f")
    if not words.runtime:
        if words.sha256:
            problems.add("--sha256", "says nothing without --runtime")
        return None
    if _URL.fullmatch(words.runtime):
        return RuntimeChoice(words.runtime, words.sha256.lower())
    path = problems.take(lambda: paths.given(words.runtime, "--runtime"), Path("/"))
    if not path.exists():
        problems.add("--runtime", f"{path} is not there", "Get one: glidein runtime get")
    return RuntimeChoice(str(path), words.sha256.lower())


def _start(text: str, problems: Problems) -> None:
    if text.strip() and not matching.parses(text):
        problems.add("--start", f"{text!r} is no ClassAd expression", "Example: RequestCpus <= 4")
    _held(text, "--start", problems)


def _held(text: str, field: str, problems: Problems) -> str:
    """Note a value that pilot.conf cannot hold; return it all the same."""
    try:
        quoting.conf_line("X", text)
    except RenderError as error:
        problems.add(field, str(error))
    return text


def _count(text: str, field: str, least: int) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or not least <= int(text) <= _MOST_CORES:
        raise ConfigError.one(field, f"{text!r} is no number from {least} up")
    return int(text)


def _span(text: str, field: str, least: int) -> int:
    seconds = quantities.parse_seconds(text, field)
    if seconds < least:
        raise ConfigError.one(field, f"{text!r} is too short", f"At least {least} seconds")
    return seconds

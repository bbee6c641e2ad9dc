"""From the user's words to a pilot's spec: every problem at once, in the words of the options.

Whatever starts pilots (run, slurm, annex, cloud) reads the common options here, so that they mean
the same everywhere.
"""

import hashlib
import os
import re
import tarfile
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from glidein import paths, quantities, quoting
from glidein.errors import ConfigError, Problem, RenderError
from glidein.model import PilotSpec, PoolAddress, Resources, RuntimeChoice

_Value = TypeVar("_Value")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_URL = re.compile(r"(https?|ftp)://\S+", re.ASCII)
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_MOST_CORES = 100_000
LEAST_LIFE = 60
_LONGEST = 3650 * 86400  # more is a slip of the keyboard; pilot.conf holds no more than 12 digits
LEAST_MEMORY_MB = 512  # with less the daemons leave nothing for a job: a unit was forgotten


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
        """Raise ConfigError with all that was noted, each once, if anything was."""
        if self.found:
            raise ConfigError(tuple(dict.fromkeys(self.found)))


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
    lifetime = take(lambda: _span(words.lifetime, "--lifetime", LEAST_LIFE), _LONGEST)
    return PilotSpec(
        pool=take(lambda: PoolAddress.parse(words.pool), nowhere) if words.pool else nowhere,
        owners=owners(words.owners, problems),
        start=words.start.strip(),
        resources=Resources(
            cpus=take(lambda: _count(words.cpus, "--cpus", 1), None),
            memory_mb=take(lambda: _memory(words.memory), None) if words.memory else None,
            gpus=take(lambda: _count(words.gpus, "--gpus", 0), None),
        ),
        lifetime=lifetime,
        idle_time=take(lambda: _span(words.idle_time, "--idle-time", 1), 1),
        grace=take(lambda: _grace(words.grace, lifetime), 0),
        name=_named(words.name, "--name", problems),
    )


def owners(given: Sequence[str], problems: Problems) -> tuple[str, ...]:
    """Return the owners, given apart or with commas between them, each once, in order."""
    found: dict[str, None] = {}
    for text in given:
        for part in text.split(","):
            if not part.strip():
                problems.add("--owners", f"{text!r} has an empty name", "Write --owners alice,bob")
            else:
                found[_owner(part.strip(), problems)] = None
    return tuple(found)


def runtime(words: Words, problems: Problems) -> RuntimeChoice | None:
    """Return which HTCondor the pilot is to use; None lets it search."""
    if words.sha256 and not _SHA256.fullmatch(words.sha256):
        problems.add("--sha256", f"{words.sha256!r} is no SHA-256", "It has 64 digits of 0-9a-f")
    if not words.runtime:
        if words.sha256:
            problems.add("--sha256", "says nothing without --runtime", "Name the tarball it is of")
        return None
    if _URL.fullmatch(words.runtime):
        return RuntimeChoice(words.runtime, words.sha256.lower())
    where = words.runtime.removeprefix("file://")
    path = problems.take(lambda: paths.given(where, "--runtime"), Path("/"))
    held(str(path), "--runtime", problems)
    if trouble := _no_runtime(path):
        problems.add("--runtime", f"{path} {trouble}", "Get one: glidein runtime get")
    elif _SHA256.fullmatch(words.sha256):
        _checksum(path, words.sha256.lower(), problems)
    return RuntimeChoice(str(path), words.sha256.lower())


def _no_runtime(path: Path) -> str:
    """Return why no pilot can run what lies there; nothing if it looks like an HTCondor."""
    try:
        if path.is_dir():
            return (
                ""
                if os.access(path / "sbin/condor_master", os.X_OK)
                else ("holds no HTCondor: there is no sbin/condor_master in it")
            )
        if not path.exists():
            return "is not there"
        return "" if path.is_file() and _tarball(path) else "is neither a folder nor a tarball"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _checksum(path: Path, wanted: str, problems: Problems) -> None:
    """Note a checksum that every pilot would find wrong, or, of a folder, never look at."""
    if path.is_dir():
        wrong = f"is of no use: {path} is a folder"
        problems.add("--sha256", wrong, "Leave it out, or name the tarball it is of")
        return
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        problems.add("--runtime", f"{path} cannot be read: {error.strerror}", "Name another")
        return
    if found != wanted:
        problems.add("--sha256", f"{path} has {found}", "Fetch it anew, or correct --sha256")


def _tarball(path: Path) -> bool:
    with path.open("rb") as file:
        if file.read(len(_ZSTANDARD)) == _ZSTANDARD:  # tar(1) reads it, not every Python does
            return True
    return tarfile.is_tarfile(path)


def _parses(text: str) -> bool:
    from glidein import matching  # its htcondor2 costs more than all the rest of this module

    return matching.parses(text)


def _start(text: str, problems: Problems) -> None:
    if text.strip() and not _parses(text):
        problems.add("--start", f"{text!r} is no ClassAd expression", "Example: RequestCpus <= 4")
        return
    try:  # line ends count as blanks in an expression
        quoting.condor(" ".join(text.split()))
    except RenderError as error:
        problems.add("--start", str(error), "Write it without, or match it with regexp()")
    held(text, "--start", problems)


def _owner(text: str, problems: Problems) -> str:
    if re.search(r"\s", text) and text.isprintable():
        with_commas = ",".join(text.split())
        problems.add("--owners", f"{text!r} has a blank inside", f"Write --owners {with_commas}")
    return _named(text, "--owners", problems)


def _named(text: str, field: str, problems: Problems) -> str:
    """Note a name that holds what nobody types on purpose: control characters, broken Unicode."""
    if any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in text):
        problems.add(field, f"{text!r} holds a control character", "Write plain letters")
    return text


def held(text: str, field: str, problems: Problems) -> str:
    """Note a value that pilot.conf cannot hold, and no pilot could get; return it all the same."""
    try:
        quoting.conf_line("X", text)
    except RenderError as error:
        problems.add(field, str(error), "Use plain letters")
    return text


def _count(text: str, field: str, least: int) -> int | None:
    if not text:
        return None
    good = text.isascii() and text.isdecimal() and len(text) <= 12
    if not good or not least <= int(text) <= _MOST_CORES:
        remedy = f"Write a whole number from {least} to {_MOST_CORES}"
        raise ConfigError.one(field, f"{_short(text)} cannot be", remedy)
    return int(text)


def _memory(text: str) -> int:
    mib = quantities.parse_memory(text, "--memory")
    if mib < LEAST_MEMORY_MB:
        understood = f"{text!r} was understood as {quantities.show_memory(mib)}, too little"
        bare = text.strip().isdecimal()
        remedy = f"Write {text.strip()}GB" if bare else "Write 4GB"
        raise ConfigError.one("--memory", understood, f"{remedy}, or at least {LEAST_MEMORY_MB}MB")
    return mib


def _grace(text: str, lifetime: int) -> int:
    seconds = _span(text, "--grace", 0)
    if seconds > lifetime:
        life = quantities.show_seconds(lifetime)
        remedy = "Give a shorter --grace, or a longer --lifetime"
        raise ConfigError.one("--grace", f"{text!r} is longer than the pilot's {life}", remedy)
    return seconds


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")


def _span(text: str, field: str, least: int) -> int:
    seconds = quantities.parse_seconds(text, field)
    if seconds < least:
        remedy = f"At least {least} second{'s' * (least > 1)}"
        raise ConfigError.one(field, f"{text!r} is too short", remedy)
    if seconds > _LONGEST:
        days = _LONGEST // 86400
        raise ConfigError.one(field, f"{text!r} is too long", f"Write 12h or 3d; at most {days}d")
    return seconds

"""From the options of `glidein systems add` to the table of a catalogue file. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from glidein.catalogue import Share, System
from glidein.errors import ConfigError, Problem

_BY_HAND = "entered by hand"
# Where each option goes: a table of the file, "" being its top, and the key there.
_SYSTEM = {
    "title": ("", "title"),
    "dialect": ("", "dialect"),
    "select": ("", "select"),
    "scratch": ("", "scratch"),
    "setup": ("", "setup"),
    "login_host": ("login", "hosts"),
    "gpu_option": ("gpu", "option"),
    "gpu_scope": ("gpu", "scope"),
    "project_required": ("project", "required"),
}
_QUEUE = ("share", "cores", "memory", "gpus", "gpu_type", "max_nodes", "max_walltime", "max_jobs",
          "constraint")  # fmt: skip
_COUNTS = ("cores", "gpus", "max_nodes", "max_jobs")
_UNITS = {"memory": "MB", "max_walltime": "s"}


def table(said: Mapping[str, Any], known: System | None, today: date) -> dict[str, Any]:
    """Return the file's table for the options that were given.

    `known` is the system as all other files describe it; None is a new one, and then what every
    system must have is filled in. Raises ConfigError for what only the options can tell; the
    values themselves are judged by the catalogue's reader.
    """
    given = {key: value for key, value in said.items() if value not in (None, "", [], ())}
    found: dict[str, Any] = {}
    for option, (part, key) in _SYSTEM.items():
        if option in given:
            target = found.setdefault(part, {}) if part else found
            target[key] = _listed(given[option])
    if given.get("in_service"):
        found["retired"] = ""
    queue = {key: given[key] for key in _QUEUE if key in given}
    if (queue or known is None) and "queue" not in given:
        raise ConfigError.one("--queue", "is missing", "Say which queue this is about")
    origin: dict[str, Any] = {"source": given.get("source", _BY_HAND), "checked": today}
    if known is None:
        top = {"title": said["name"], "dialect": "Slurm", "default_queue": given["queue"]}
        found = top | origin | found
        found.setdefault("gpu", {}).setdefault("option", "gpus-per-node")
    elif "source" in given:
        found |= origin
    if "queue" in given:
        found["queues"] = {given["queue"]: _queue(queue, known, given["queue"], origin)}
    if not found:
        raise ConfigError.one("glidein systems add", "nothing to say", "See its options: --help")
    return found


def _queue(
    given: Mapping[str, Any], known: System | None, name: str, origin: dict[str, Any]
) -> dict[str, Any]:
    problems: list[Problem] = []
    found = {key: _figure(key, value, problems) for key, value in given.items()}
    if problems:
        raise ConfigError(problems)
    if "gpu_type" in found:
        found["gpu_types"] = found.pop("gpu_type")
    if known is None:
        return {"share": str(Share.CORES)} | found
    if known.queue(name) is None:
        return {"share": str(Share.CORES)} | found | origin
    return found | origin


def _figure(key: str, value: Any, problems: list[Problem]) -> Any:
    """Return the value as the file holds it: counts as numbers, plain quantities with a unit."""
    if key in _COUNTS and value != "none":
        if not value.isascii() or not value.isdecimal() or len(value) > 9:
            problems.append(Problem(f"--{key.replace('_', '-')}", f"{value!r} is no whole number"))
            return value
        return int(value)
    if key in _UNITS and value.isdecimal():
        return value + _UNITS[key]
    return _listed(value)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value

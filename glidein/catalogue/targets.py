"""QUEUE@SYSTEM as users type it, and what they may have meant."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import replace

from glidein.catalogue import schema
from glidein.catalogue.facts import Queue, System
from glidein.catalogue.files import Catalogue
from glidein.errors import ConfigError, Problem


def near(word: str, known: Iterable[str]) -> str:
    """Return the one of `known` that the word most likely means, or nothing."""
    names = list(known)
    folded = {name.casefold(): name for name in reversed(names)}
    if word.casefold() in folded:
        return folded[word.casefold()]
    found = difflib.get_close_matches(word.casefold(), list(folded), 1)
    return folded[found[0]] if found else ""


def find_system(catalogue: Catalogue, name: str, field: str = "QUEUE@SYSTEM") -> System:
    """Return the system of that name, whatever its case. Raises ConfigError that suggests one."""
    known = [*catalogue.systems, *(each for each in catalogue.broken if each)]
    if name in known:
        return catalogue.get(name)
    likely = near(name, known)
    if likely and likely.casefold() == name.casefold():
        return catalogue.get(likely)
    guess = f"Did you mean {likely}? " if likely else ""
    listed = ", ".join(sorted(known))
    raise ConfigError.one(
        field,
        f"there is no system {name!r}",
        f"{guess}Known are: {listed}. Add one with: glidein systems add",
    )


def parse_target(
    text: str, catalogue: Catalogue, field: str = "QUEUE@SYSTEM"
) -> tuple[System, Queue]:
    """Return the system and queue that QUEUE@SYSTEM, or SYSTEM for its default queue, names.

    A system's name may be typed in any case, a queue's not: sites have queues that differ in case
    only. Raises ConfigError with one message that suggests what may have been meant.
    """
    queue, at, system = text.strip().partition("@")
    if not at:
        queue, system = "", queue
    if not system or (at and not queue):
        raise ConfigError.one(field, f"{text!r} is not QUEUE@SYSTEM", "Example: GPU@bridges2")
    found = find_system(catalogue, system, field)
    return found, _find_queue(found, queue or found.default_queue, field)


def _find_queue(system: System, name: str, field: str) -> Queue:
    if found := system.queue(name):
        return found
    default = system.queue(system.default_queue)
    if system.any_queue and default is not None and re.fullmatch(schema.NAME, name):
        return replace(default, name=name, batch_name=name)
    names = [each.name for each in system.queues]
    likely = near(name, names)
    guess = f"Did you mean {likely}@{system.name}? " if likely else ""
    raise ConfigError.one(
        field, f"{system.title} has no queue {name!r}", f"{guess}It has: {', '.join(names)}"
    )


def retirement(system: System, queue: Queue) -> list[Problem]:
    """Say why nothing may be sent to that queue any more; an empty list if it is in service."""
    found = []
    clear = f"If it serves again: glidein systems add {system.name} --in-service"
    if system.retired:
        found.append(Problem(system.name, f"{system.title} is retired: {system.retired}", clear))
    if queue.retired:
        path = f"{queue.name}@{system.name}"
        found.append(Problem(path, f"this queue is retired: {queue.retired}", clear))
    return found

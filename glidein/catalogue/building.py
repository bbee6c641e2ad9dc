"""From the tables of catalogue files to a System: pure, strict, every problem at once.

`read_system` takes what was merged out of all files that speak of a system, and `where`, which
tells the file that a dotted path came from, so that each problem names the file to mend.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from glidein.catalogue import readers, schema
from glidein.catalogue.facts import (
    Container,
    Dialect,
    GpuOption,
    HTCondorSite,
    Login,
    Project,
    Queue,
    Scope,
    Share,
    System,
    Variant,
)
from glidein.errors import Problem

Where = Callable[[str], str]


def dotted(*keys: str) -> str:
    """Return the path of a value as TOML writes it: a.b."c d"."""
    return ".".join(key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else quoted(key) for key in keys)


def quoted(text: str) -> str:
    """Return text as a TOML string: JSON's, but for U+007F, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


class Reading:
    """One system's reading: its tables, where they came from, and what was wrong so far."""

    def __init__(self, where: Where) -> None:
        self.where = where
        self.problems: list[Problem] = []

    def add(self, path: str, message: str, remedy: str = "") -> None:
        """Note a problem of the value at `path`."""
        self.problems.append(Problem(f"{self.where(path)}: {path}", message, remedy))

    def table(self, raw: Any, path: tuple[str, ...]) -> dict[str, Any]:
        """Return `raw` if it is a table, else note that and return an empty one."""
        if isinstance(raw, dict):
            return raw
        self.add(dotted(*path), "is no table", f"Write its keys below [{dotted(*path)}]")
        return {}

    def values(
        self,
        raw: Mapping[str, Any],
        spec: schema.Spec,
        path: tuple[str, ...],
        beside: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Return the values of a table's keys, those that can be read; `beside` are sub-tables."""
        found = {}
        for key, value in raw.items():
            if key in beside:
                continue
            here = dotted(*path, key)
            if key not in spec:
                self.add(here, "is an unknown key", _meant(key, [*spec, *beside]))
                continue
            try:
                found[key] = spec[key](value)
            except readers.Wrong as wrong:
                self.add(here, wrong.message, wrong.remedy)
        return found

    def demand(self, raw: Mapping[str, Any], keys: Iterable[str], path: tuple[str, ...]) -> bool:
        """Note each of `keys` that is not in the table; return whether all are."""
        missing = [key for key in keys if key not in raw]
        for key in missing:
            self.add(dotted(*path, key), "is missing")
        return not missing


def _meant(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f"Did you mean {near[0]}?" if near else "Known are: " + ", ".join(sorted(known))


def read_system(name: str, raw: Mapping[str, Any], where: Where) -> System | list[Problem]:
    """Return the system that the merged tables say, or all that is wrong with them."""
    reading = Reading(where)
    beside = (*schema.TABLES, "knobs", "queues")
    values = reading.values(raw, schema.SYSTEM, (), beside)
    whole = reading.demand(raw, schema.REQUIRED_SYSTEM, ())
    parts = {
        key: reading.values(reading.table(raw.get(key, {}), (key,)), spec, (key,))
        for key, spec in schema.TABLES.items()
    }
    knobs = _knobs(reading, reading.table(raw.get("knobs", {}), ("knobs",)))
    tables = reading.table(raw.get("queues", {}), ("queues",))
    read = [_queue(reading, key, table, values) for key, table in tables.items()]
    queues = tuple(each for each in read if each is not None)
    if not whole or reading.problems:
        return reading.problems
    values.pop("constraint", None)
    system = System(
        name=name,
        queues=queues,
        login=Login(**parts["login"]),
        project=Project(**parts["project"]),
        gpu=GpuOption(**parts["gpu"]),
        container=Container(**parts["container"]),
        htcondor=HTCondorSite(**parts["htcondor"]),
        knobs=knobs,
        **values,
    )
    _check_system(reading, system)
    return reading.problems or system


def _knobs(reading: Reading, raw: Mapping[str, Any]) -> dict[str, str]:
    spec: schema.Spec = dict.fromkeys(
        (key for key in raw if re.fullmatch(schema.KNOB_NAME, key)), readers.told
    )
    for key in raw.keys() - spec.keys():
        reading.add(dotted("knobs", key), "is no name of an HTCondor setting")
    return reading.values({key: raw[key] for key in raw if key in spec}, spec, ("knobs",))


def _queue(reading: Reading, name: str, raw: Any, system: Mapping[str, Any]) -> Queue | None:
    path = ("queues", name)
    if not re.fullmatch(schema.NAME, name):
        reading.add(dotted(*path), f"{name!r} is no queue's name")
        return None
    table = reading.table(raw, path)
    values = reading.values(table, schema.QUEUE, path, ("variants",))
    if not reading.demand(table, schema.REQUIRED_QUEUE, path) or "share" not in values:
        return None
    variants = _variants(
        reading, reading.table(table.get("variants", {}), (*path, "variants")), path
    )
    inherited = {key: system[key] for key in ("source", "checked", "constraint") if key in system}
    values = {"batch_name": name} | inherited | values
    if not {"source", "checked"} <= values.keys():
        return None  # the system's own are missing or wrong, which is said there
    values.setdefault("may_ask", _may_ask(values, variants))
    queue = Queue(name=name, variants=variants, **values)
    _check_queue(reading, queue)
    return queue


def _may_ask(values: Mapping[str, Any], variants: tuple[Variant, ...]) -> tuple[str, ...]:
    """What may be asked for where the file does not say: what the queue shares out and has."""
    gpus = [values.get("gpus")] if not variants else [each.gpus for each in variants]
    own = ("cpus", "memory") if values["share"] is Share.CORES else ()
    some = ("gpus",) if any(each is None or each > 0 for each in gpus) else ()
    types = values.get("gpu_types") or any(each.when_gpu_type for each in variants)
    return own + some + (("gpu_type",) if types else ())


def _variants(
    reading: Reading, raw: Mapping[str, Any], path: tuple[str, ...]
) -> tuple[Variant, ...]:
    found = []
    for name, each in raw.items():
        here = (*path, "variants", name)
        values = reading.values(reading.table(each, here), schema.VARIANT, here)
        found.append(Variant(name=name, **values))
    return tuple(found)


def _check_system(reading: Reading, system: System) -> None:
    names = [queue.name for queue in system.queues]
    if not names:
        reading.add("queues", "is missing: a system has at least one queue", "Add [queues.NAME]")
    elif system.default_queue not in names:
        reading.add("default_queue", f"{system.default_queue!r} is none of the queues",
                    _meant(system.default_queue, names))  # fmt: skip
    has_gpus = any("gpus" in queue.may_ask and queue.gpus != 0 for queue in system.queues)
    if has_gpus and system.dialect is Dialect.SLURM and not system.gpu.option:
        reading.add("gpu.option", "is missing although a queue has GPUs", 'Write "gpus-per-node"')
    if system.gpu.scope is Scope.JOB and system.gpu.option not in ("", "gpus"):
        reading.add("gpu.scope", f"is a node's where the option is {system.gpu.option}",
                    'Write "node"')  # fmt: skip


def _check_queue(reading: Reading, queue: Queue) -> None:
    def add(key: str, message: str, remedy: str = "") -> None:
        reading.add(dotted("queues", queue.name, key), message, remedy)

    for element in queue.must_ask:
        for word in element.split(" or "):
            if word not in schema.ASKABLE:
                add("must_ask", f"{word!r} is none of {', '.join(schema.ASKABLE)}")
            elif word not in queue.may_ask:
                add("must_ask", f"{word} must be asked for, but may_ask has it not")
    if queue.share is not Share.CORES and {"cpus", "memory"} & set(queue.may_ask):
        add("may_ask", f"cpus and memory are not shared out where share is {queue.share}")
    if queue.gpus == 0 and queue.gpu_types:
        add("gpu_types", "are listed although gpus is 0")
    if queue.cores is not None and queue.cores % queue.cpus_multiple:
        add("cpus_multiple", f"{queue.cores} cores are no multiple of {queue.cpus_multiple}")
    _check_limits(queue, add)


def _check_limits(queue: Queue, add: Callable[[str, str], None]) -> None:
    if queue.max_nodes is not None and queue.max_nodes < queue.min_nodes:
        add("max_nodes", f"{queue.max_nodes} is less than min_nodes, {queue.min_nodes}")
    if queue.max_walltime is not None and queue.max_walltime < (queue.min_walltime or 0):
        add("max_walltime", "is less than min_walltime")

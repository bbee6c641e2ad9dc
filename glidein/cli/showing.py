"""How a system is shown to a reader: rows of text out of the catalogue's values. Pure."""

from collections.abc import Mapping

from glidein.catalogue import Queue, Share, System
from glidein.catalogue.building import dotted
from glidein.quantities import show_memory, show_seconds

QUEUE_COLUMNS = ("queue", "gives", "ask for", "nodes", "cores", "memory", "gpus", "time", "jobs",
                 "checked", "from")  # fmt: skip
_GIVES = {Share.NODE: "whole nodes", Share.CORES: "cores", Share.GPUS: "gpus"}


def facts(system: System, origins: Mapping[str, str]) -> list[list[str]]:
    """Return what holds for the whole system, with the file that each fact is from."""
    option = f"--{system.gpu.option}, counted per {system.gpu.scope}" if system.gpu.option else ""
    said = {
        "title": system.title,
        "retired": system.retired,
        "dialect": str(system.dialect),
        "default_queue": system.default_queue,
        "select": str(system.select),
        "login.hosts": ", ".join(system.login.hosts),
        "login.fingerprints": ", ".join(system.login.fingerprints),
        "project.required": "yes" if system.project.required else "no",
        "project.list_command": system.project.list_command,
        "gpu.option": option,
        "scratch": ", ".join(system.scratch),
        "node_scratch": ", ".join(system.node_scratch),
        "setup": "; ".join(system.setup),
        "container.command": "; ".join((*system.container.setup, system.container.command)),
        **{f"knobs.{key}": value for key, value in system.knobs.items()},
        "htcondor.requirements": system.htcondor.requirements,
        "htcondor.image": system.htcondor.image,
        "constraint": _constraint(system),
        "checked": str(system.checked),
    }
    return [[key, value, origins.get(key, "-")] for key, value in said.items() if value]


def queues(system: System, origins: Mapping[str, str]) -> list[list[str]]:
    """Return a row for each queue, and one for each of its variants below it."""
    rows = []
    for queue in sorted(system.queues, key=lambda each: each.name != system.default_queue):
        mark = " (default)" if queue.name == system.default_queue else ""
        rows.append(_row(queue, mark, _from(queue.name, origins)))
        for each in queue.variants:
            figures = [_some(each.max_nodes or queue.max_nodes), _some(each.cores),
                       _memory(each.memory), _some(each.gpus)]  # fmt: skip
            rows.append([f"  {each.name}", "", "", *figures, "", "", "", ""])
    return rows


def remarks(system: System) -> list[list[str]]:
    """Return what is to be said in sentences, of the system and of queues: blocks of lines."""
    said = {"source": system.source, "doubt": system.doubt, "note": system.note}
    found = [[system.name, *_lines(said)]]
    shared = _constraint(system)
    for queue in system.queues:
        own = {
            "retired": queue.retired,
            "constraint": queue.constraint if not shared else "",
            "source": queue.source if queue.source != system.source else "",
            "doubt": queue.doubt,
            "note": queue.note,
        }
        if lines := _lines(own):
            found.append([f"{queue.name}@{system.name}", *lines])
    return found


def _lines(said: Mapping[str, str]) -> list[str]:
    return [f"  {key}: {value}" for key, value in said.items() if value]


def _constraint(system: System) -> str:
    """The constraint that all queues share; empty if they differ."""
    every = {queue.constraint for queue in system.queues}
    return every.pop() if len(every) == 1 else ""


def _row(queue: Queue, mark: str, origin: str) -> list[str]:
    nodes = _some(queue.max_nodes)
    if queue.min_nodes > 1:
        nodes = f"{queue.min_nodes} to {nodes}"
    longest = "-" if queue.max_walltime is None else show_seconds(queue.max_walltime)
    if queue.min_walltime is not None:
        longest = f"{show_seconds(queue.min_walltime)} to {longest}"
    return [
        queue.name + mark,
        _GIVES[queue.share] + (", preemptible" if queue.preemptible else ""),
        ", ".join(queue.must_ask) or "-",
        nodes,
        _some(queue.cores),
        _memory(queue.memory),
        _some(queue.gpus),
        longest,
        _some(queue.max_jobs),
        str(queue.checked),
        origin,
    ]


def _from(name: str, origins: Mapping[str, str]) -> str:
    start = dotted("queues", name)
    own = [each for path, each in origins.items() if path == start or path.startswith(f"{start}.")]
    return ", ".join(dict.fromkeys(own)) or "-"


def _some(number: int | None) -> str:
    return "-" if number is None else str(number)


def _memory(mib: int | None) -> str:
    return "-" if mib is None else show_memory(mib)

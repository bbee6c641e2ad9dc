"""What Slurm itself says of its queues, and where that differs from the catalogue. Pure.

annex/far/slurm.sh asks: scontrol show partition, sacctmgr show qos and associations, sinfo. What
Slurm says goes before what a file says; what it does not say leaves the file's word.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from glidein import quantities
from glidein.catalogue import Queue, Select, System
from glidein.errors import ConfigError
from glidein.model import FAIL, PASS, WARN, Finding

_GPU_TYPE = re.compile(r"gpu:([A-Za-z][\w.-]*):\d+")
_NODES = re.compile(r"(?:^|,)node=(\d+)")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one partition or QOS allows; None where it says nothing. Seconds, nodes, batch jobs."""

    walltime: int | None = None
    nodes: int | None = None
    least_nodes: int | None = None
    jobs: int | None = None


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition: whether it takes work, its QOS, its limits, the types of its GPUs."""

    name: str
    state: str
    qos: str
    limits: Limits
    gpu_types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Site:
    """A Slurm as it is now. `accounts` are the user's; empty where there is no accounting."""

    partitions: Mapping[str, Partition] = field(default_factory=dict)
    qos: Mapping[str, Limits] = field(default_factory=dict)
    accounts: frozenset[str] = frozenset()


def site(answer: Mapping[str, str]) -> Site:
    """Read what the far side's `facts` printed; what cannot be read is left out."""
    types: dict[str, set[str]] = {}
    for line in answer.get("sinfo", "").split("\n"):
        name, _, rest = line.partition("|")
        types.setdefault(name, set()).update(_GPU_TYPE.findall(rest))
    found = [_partition(line, types) for line in answer.get("partitions", "").split("\n")]
    qos = (line.split("|") for line in answer.get("qos", "").split("\n"))
    lines = answer.get("associations", "").split("\n")
    accounts = (line.partition("|")[0] for line in lines if line.count("|") >= 2)
    return Site(
        {each.name: each for each in found if each is not None},
        {row[0]: _qos(row) for row in qos if len(row) >= 4 and row[0]},
        frozenset(each for each in accounts if each),
    )


def _partition(line: str, types: Mapping[str, set[str]]) -> Partition | None:
    told = dict(word.partition("=")[::2] for word in line.split(" "))
    name = told.get("PartitionName", "")
    if not name:
        return None
    limits = Limits(
        _seconds(told.get("MaxTime", "")),
        _number(told.get("MaxNodes", "")),
        _number(told.get("MinNodes", "")) or None,
    )
    qos = told.get("QoS", "").replace("N/A", "")
    return Partition(name, told.get("State", ""), qos, limits, frozenset(types.get(name, ())))


def _qos(row: list[str]) -> Limits:
    nodes = _NODES.search(row[2])
    return Limits(_seconds(row[1]), int(nodes[1]) if nodes else None, None, _number(row[3]))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


def _seconds(text: str) -> int | None:
    """Return a time as Slurm prints it; None for UNLIMITED and the like."""
    try:
        return quantities.parse_seconds(text) if ":" in text else None
    except ConfigError:
        return None


def limits(queue: Queue, system: System, now: Site) -> Limits | None:
    """Return what holds for a queue now, the tighter of partition and QOS; None if it is not there.

    A queue without a name of its own is whatever Slurm takes by default: nothing is known of it.
    """
    if not queue.batch_name:
        return Limits()
    if system.select is Select.QOS:
        return now.qos.get(queue.batch_name)
    partition = now.partitions.get(queue.batch_name)
    if partition is None:
        return None
    own, qos = partition.limits, now.qos.get(partition.qos, Limits())
    return Limits(
        _least(own.walltime, qos.walltime), _least(own.nodes, qos.nodes), own.least_nodes, qos.jobs
    )


def _least(*values: int | None) -> int | None:
    return min((each for each in values if each is not None), default=None)


def preferred(queue: Queue, system: System, now: Site) -> Queue:
    """Return the queue with what Slurm says in place of what the catalogue says."""
    found = limits(queue, system, now)
    if found is None:
        return queue
    variants = queue.variants
    if found.nodes is not None:
        variants = tuple(replace(each, max_nodes=_least(each.max_nodes, found.nodes))
                         for each in variants)  # fmt: skip
    return replace(
        queue,
        max_walltime=found.walltime or queue.max_walltime,
        max_nodes=found.nodes or queue.max_nodes,
        min_nodes=found.least_nodes or queue.min_nodes,
        max_jobs=found.jobs or queue.max_jobs,
        variants=variants,
    )


def differences(system: System, now: Site) -> tuple[Finding, ...]:
    """Say for each queue of a system how the Slurm here differs from its file."""
    found = [each for queue in system.queues for each in _of_queue(queue, system, now)]
    known = {queue.batch_name for queue in system.queues}
    if system.select is Select.PARTITION and not system.any_queue:
        more = sorted(now.partitions.keys() - known)
        if more:
            how = f"Add one: glidein systems add {system.name} --queue"
            found.append(Finding(WARN, "queues", f"Slurm has also {', '.join(more)}", how))
    if system.project.required and now.accounts:
        found.append(Finding(PASS, "project", f"you may name {', '.join(sorted(now.accounts))}"))
    return tuple(found)


def _of_queue(queue: Queue, system: System, now: Site) -> Iterator[Finding]:
    there = limits(queue, system, now)
    if there is None:
        kind = "QOS" if system.select is Select.QOS else "partition"
        yield Finding(FAIL, queue.name, f"Slurm here has no {kind} {queue.batch_name!r}",
                      "Is this the system? See: sinfo -s")  # fmt: skip
        return
    partition = now.partitions.get(queue.batch_name)
    told = list(_told(queue, there))
    if partition and partition.state not in ("", "UP"):
        told.append(f"it is {partition.state} now")
    unknown = partition.gpu_types - set(queue.known_gpu_types) if partition else frozenset()
    if unknown and queue.known_gpu_types:
        told.append(f"it has GPUs of type {', '.join(sorted(unknown))} too")
    if told:
        yield Finding(WARN, queue.name, "; ".join(told), "What Slurm says is held to")
    else:
        yield Finding(PASS, queue.name, "as the catalogue says")


def _told(queue: Queue, there: Limits) -> Iterable[str]:
    pairs = (
        ("max_walltime", queue.max_walltime, there.walltime, quantities.show_seconds),
        ("max_nodes", queue.max_nodes, there.nodes, str),
        ("max_jobs", queue.max_jobs, there.jobs, str),
    )
    for name, ours, theirs, show in pairs:
        if theirs is not None and theirs != ours:
            own = "nothing" if ours is None else show(ours)
            yield f"{name} is {show(theirs)}, the file says {own}"

"""What the bed's Slurm looks like for each system: nodes, partitions, QOS, accounts.

`site` is the one door to these facts: who would have them from elsewhere changes it alone.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "sites.toml"


@dataclass(frozen=True, slots=True)
class Nodes:
    """Nodes of one size. `gpus` is TYPE:COUNT or nothing; `memory` is in MiB."""

    names: str
    cpus: int
    memory: int
    gpus: str = ""
    features: str = ""

    @property
    def hosts(self) -> list[str]:
        """Their names one by one."""
        found = re.fullmatch(r"c\[(\d)-(\d)\]", self.names)
        first, last = (int(found[1]), int(found[2])) if found else (0, -1)
        return [f"c{n}" for n in range(first, last + 1)] or [self.names]


@dataclass(frozen=True, slots=True)
class Queue:
    """A partition, or a QOS, and its limits; 0 or nothing is no limit.

    `limit` is how many jobs a user may have there. `whole` gives nodes to one job at a time. A
    preemptible queue gives its nodes back when another queue wants them. With each GPU come
    `gpu_cores` cores.
    """

    name: str
    time: str
    nodes: str = ""
    max_nodes: int = 0
    max_cpus: int = 0
    max_gpus: int = 0
    gpu_cores: int = 0
    limit: int = 0
    whole: bool = False
    preemptible: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """One system as the bed plays it. A site with accounts takes no job without one."""

    name: str
    default: str
    nodes: tuple[Nodes, ...]
    partitions: tuple[Queue, ...]
    qos: tuple[Queue, ...] = ()
    accounts: tuple[str, ...] = ()


@cache
def _table() -> dict[str, Site]:
    with FILE.open("rb") as file:
        read = tomllib.load(file)
    return {
        name: Site(
            name,
            each["default"],
            tuple(Nodes(**nodes) for nodes in each["nodes"]),
            tuple(Queue(**queue) for queue in each["partitions"]),
            tuple(Queue(**queue) for queue in each.get("qos", ())),
            tuple(each["accounts"]),
        )
        for name, each in read.items()
    }


def names() -> tuple[str, ...]:
    """Every system the bed can play."""
    return tuple(_table())


def site(name: str) -> Site:
    """Return the system of that name."""
    return _table()[name]

"""The #SBATCH lines: what is asked of a queue, in the words of that system's Slurm. Pure.

Differences between systems are values of the catalogue; nothing here names a system.
"""

import re

from glidein.batchask import BatchAsk, completed
from glidein.catalogue import Queue, Scope, Select, System
from glidein.errors import RenderError

# Slurm may send the warning up to a minute early, and looks at the clock every half a minute.
_SLACK = 45
_NAME = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)


def directives(ask: BatchAsk, system: System, queue: Queue, lead: int) -> tuple[str, ...]:
    """Return the options of sbatch for an ask that validation let through, in a fixed order.

    `lead` is how many seconds before its end the batch job is warned. Raises RenderError for a
    further option whose name is none.
    """
    whole = completed(ask, queue)
    shape = queue.shape(whole.gpus or 0, whole.gpu_type)
    extra = dict(ask.options)
    constraints = [shape.constraint if shape else "", extra.pop("constraint", "")]
    found = [
        "--job-name=glidein",
        *_queue(system, queue),
        *([f"--account={ask.project}"] if ask.project else []),
        *_nodes(ask),
        "--ntasks-per-node=1",
        *([f"--cpus-per-task={whole.cpus}"] if whole.cpus else []),
        *([f"--mem={whole.memory}M"] if whole.memory else []),
        *(["--exclusive"] if queue.exclusive and "exclusive" not in extra else []),
        *_gpus(whole, system),
        *_constraint([each for each in constraints if each]),
        f"--time={wall_time(ask.lifetime)}",
        f"--signal=B:USR1@{lead}",
        *(["--no-kill"] if ask.nodes > 1 else []),
        "--requeue" if ask.requeue else "--no-requeue",
    ]
    return (*found, *(_further(name, value) for name, value in extra.items()))


def lead(ask: BatchAsk, grace: int) -> int:
    """Return how long before the end pilots are warned: their grace and some, in a short life less.

    sbatch takes at most 65535 seconds.
    """
    return max(1, min(grace + _SLACK, ask.lifetime // 2, 65535))


def wall_time(seconds: int) -> str:
    """Return HH:MM:SS as sbatch takes it; Slurm counts minutes, and a part of one is one."""
    minutes = -(-seconds // 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:00"


def _further(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise RenderError(f"{name!r} is no option of sbatch")
    return f"--{name}={value}" if value else f"--{name}"


def _queue(system: System, queue: Queue) -> list[str]:
    if not queue.batch_name:
        return []
    return [f"--{'qos' if system.select is Select.QOS else 'partition'}={queue.batch_name}"]


def _nodes(ask: BatchAsk) -> list[str]:
    if ask.jobs > 1:
        return ["--nodes=1", f"--array=0-{ask.jobs - 1}"]
    return [f"--nodes={ask.nodes}"]


def _gpus(ask: BatchAsk, system: System) -> list[str]:
    if not ask.gpus:
        return []
    count = ask.gpus * (ask.nodes if system.gpu.scope is Scope.JOB else 1)
    kind = f"{ask.gpu_type}:" if ask.gpu_type else ""
    resource = "gpu:" if system.gpu.option == "gres" else ""
    return [f"--{system.gpu.option}={resource}{kind}{count}"]


def _constraint(wanted: list[str]) -> list[str]:
    """Join the system's constraint and the user's, so that both hold."""
    if len(wanted) < 2:
        return [f"--constraint={each}" for each in wanted]
    return ["--constraint=" + "&".join(f"({each})" if "|" in each else each for each in wanted)]

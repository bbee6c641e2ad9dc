"""What a user asks of a batch system: a value, and how it is read from the options' words.

What a queue makes of it is said by glidein.validation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glidein import quantities
from glidein.catalogue.facts import Queue, Share
from glidein.errors import ConfigError

if TYPE_CHECKING:
    from glidein.asking import Problems

_MOST = 10_000_000


@dataclass(frozen=True, slots=True)
class BatchAsk:
    """One request's batch jobs: how many, how large each node's part, how long, for whose money.

    `jobs` batch jobs of one node each where it is more than 1 (an array), else one batch job of
    `nodes` nodes; one pilot a node either way. `cpus`, `memory` (MiB) and `gpus` are of one node;
    None was not asked for. `lifetime` is the time limit in seconds, `idle_time` after how many a
    pilot without work leaves. `options` are further sbatch options, name and value, in order.
    `requeue`: whether the batch system may start it again after a node failed or was taken away.
    """

    nodes: int = 1
    jobs: int = 1
    cpus: int | None = None
    memory: int | None = None
    gpus: int | None = None
    gpu_type: str = ""
    lifetime: int = 3600
    idle_time: int | None = None
    project: str = ""
    options: tuple[tuple[str, str], ...] = ()
    requeue: bool = False

    @property
    def pilots(self) -> int:
        """How many pilots start: one on each node."""
        return self.jobs * self.nodes


@dataclass(frozen=True, slots=True)
class AskWords:
    """The options as the user typed them; empty means not given."""

    nodes: str = ""
    jobs: str = ""
    cpus: str = ""
    memory: str = ""
    gpus: str = ""
    gpu_type: str = ""
    lifetime: str = ""
    idle_time: str = ""
    project: str = ""
    options: Sequence[str] = ()


def read_ask(words: AskWords, problems: "Problems", lifetime: str = "1h") -> BatchAsk:
    """Return what the words ask for; what cannot be read goes to `problems`.

    Times are plain seconds or carry a unit ("2h"), memory is plain MB or carries one ("64GB").
    `--gpus TYPE:N` says the type too. Whether a number is sensible is not judged here.
    """
    take = problems.take
    gpus, gpu_type = _gpus(words, problems)
    nodes = take(lambda: _number(words.nodes, "--nodes"), None)
    jobs = take(lambda: _number(words.jobs, "--jobs"), None)
    memory, idle = words.memory.strip(), words.idle_time.strip()
    return BatchAsk(
        nodes=1 if nodes is None else nodes,
        jobs=1 if jobs is None else jobs,
        cpus=take(lambda: _number(words.cpus, "--cpus"), None),
        memory=take(lambda: quantities.parse_memory(memory, "--memory"), None) if memory else None,
        gpus=gpus,
        gpu_type=gpu_type,
        lifetime=take(
            lambda: quantities.parse_seconds(words.lifetime or lifetime, "--lifetime"), 1
        ),
        idle_time=take(lambda: quantities.parse_seconds(idle, "--idle-time"), None)
        if idle
        else None,
        project=words.project.strip(),
        options=tuple(_option(each, problems) for each in words.options),
    )


def completed(ask: BatchAsk, queue: Queue) -> BatchAsk:
    """Return the ask with what the queue adds by itself, for an ask that validation let through.

    A whole node comes with all its GPUs; memory is named where the queue wants it named.
    """
    shape = queue.shape(ask.gpus or 0, ask.gpu_type)
    if shape is None:
        return ask
    if queue.share is Share.NODE and ask.gpus is None and shape.gpus:
        ask = replace(ask, gpus=shape.gpus)
    if queue.memory_directive and ask.memory is None:
        ask = replace(ask, memory=shape.memory)
    return ask


def _number(text: str, field: str) -> int | None:
    """Return the whole number, 0 too: that a queue gives none is validation's to say."""
    stripped = text.strip()
    if not stripped:
        return None
    if not stripped.isascii() or not stripped.isdecimal():
        raise ConfigError.one(field, f"{text!r} is no whole number", "Example: 2")
    if int(stripped[:20]) > _MOST:
        raise ConfigError.one(field, f"{text!r} is more than any system has")
    return int(stripped)


def _gpus(words: AskWords, problems: "Problems") -> tuple[int | None, str]:
    named, colon, number = words.gpus.strip().rpartition(":")
    gpus = problems.take(lambda: _number(number, "--gpus"), None)
    if colon and not (named and number):
        problems.add("--gpus", f"{words.gpus!r} is neither a number nor TYPE:NUMBER")
    said = words.gpu_type.strip()
    if named and said and named != said:
        problems.add("--gpu-type", f"{said!r} is not the {named!r} of --gpus", "Give one of them")
    return gpus, said or named


def _option(text: str, problems: "Problems") -> tuple[str, str]:
    name, _, value = text.strip().removeprefix("--").partition("=")
    if not name:
        problems.add("--sbatch", f"{text!r} names no option", "Example: --sbatch reservation=NAME")
    return name, value

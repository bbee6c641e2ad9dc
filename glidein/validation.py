"""Whether a queue takes what is asked of it: every problem at once, before anything is sent.

Each problem names the option and what to do. A limit that the catalogue does not know bounds
nothing: the batch system there says what it refuses. A rule is a function from one Case to its
problems; RULES lists them in the order in which they are told.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from glidein.batchask import BatchAsk
from glidein.catalogue.facts import Dialect, Queue, Select, Shape, Share, System
from glidein.catalogue.targets import near
from glidein.errors import Problem
from glidein.quantities import show_memory, show_seconds

LEAST_LIFE = 60
# Less is not enough for the daemons and one job beside them.
LEAST_MEMORY = 512
MOST_LIFE = 366 * 86400

# Further sbatch options that may be handed on, and those that have a word of ours instead.
# fmt: off
SBATCH_OPTIONS = frozenset((
    "begin", "comment", "constraint", "exclude", "exclusive", "licenses", "mail-type", "mail-user",
    "nice", "nodelist", "prefer", "priority", "qos", "reservation", "switches", "wckey",
))
# fmt: on
_OURS = {
    "account": "--project",
    "array": "--jobs",
    "cpus-per-task": "--cpus",
    "gpus": "--gpus",
    "gpus-per-node": "--gpus",
    "gpus-per-task": "--gpus",
    "gres": "--gpus",
    "mem": "--memory",
    "nodes": "--nodes",
    "ntasks": "--nodes",
    "partition": "QUEUE@SYSTEM",
    "time": "--lifetime",
}
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", re.ASCII)
_GPU_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_VALUE = re.compile(r"[A-Za-z0-9_.,:=+@%/*&|!()\[\]-]{1,512}", re.ASCII)
_OPTION_OF = {
    "cpus": "--cpus",
    "memory": "--memory",
    "gpus": "--gpus",
    "gpu_type": "--gpu-type",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One ask of one queue, and the figures that hold for it; none if no variant fits it."""

    ask: BatchAsk
    system: System
    queue: Queue
    shape: Shape | None

    @property
    def place(self) -> str:
        """The queue, as users type it."""
        return f"{self.queue.name}@{self.system.name}"

    def has(self, word: str) -> bool:
        """Whether the user asked for cpus, memory, gpus or gpu_type."""
        value = getattr(self.ask, word)
        return value not in (None, "")


Found = Iterator[Problem]


def validate(ask: BatchAsk, system: System, queue: Queue) -> list[Problem]:
    """Return every problem that `queue` of `system` has with `ask`; an empty list if none.

    That a system is retired is no problem of the ask: catalogue.retirement says that.
    """
    case = Case(ask, system, queue, queue.shape(ask.gpus or 0, ask.gpu_type))
    return [problem for rule in RULES for problem in rule(case)]


def _nodes(case: Case) -> Found:
    ask, queue = case.ask, case.queue
    if ask.nodes < 1:
        yield Problem("--nodes", f"{ask.nodes} is no number of nodes", "At least 1")
    if ask.jobs < 1:
        yield Problem("--jobs", f"{ask.jobs} is no number of batch jobs", "At least 1")
    if ask.jobs > 1 and ask.nodes > 1:
        yield Problem("--jobs", "makes batch jobs of one node each", "Leave --nodes out")
        return
    most = case.shape.max_nodes if case.shape else queue.max_nodes
    if most is not None and ask.nodes > most:
        yield Problem("--nodes", f"{ask.nodes} is more than {case.place} gives a batch job",
                      _most_nodes(most, queue))  # fmt: skip
    if 0 < ask.nodes < queue.min_nodes:
        yield Problem("--nodes", f"{ask.nodes} is less than {case.place} takes",
                      f"At least {queue.min_nodes}")  # fmt: skip


def _most_nodes(most: int, queue: Queue) -> str:
    other = " or ask for more batch jobs of one node each with --jobs"
    return f"At most {most}" + (other if queue.arrays and queue.max_jobs != 1 else "")


def _jobs(case: Case) -> Found:
    if case.ask.jobs <= 1:
        return
    if not case.queue.arrays:
        yield Problem("--jobs", f"{case.place} takes no job arrays", "Use --nodes instead")
    most = case.queue.max_jobs
    if most is not None and case.ask.jobs > most:
        yield Problem("--jobs", f"{case.ask.jobs} is more batch jobs than {case.place} lets one"
                      " user have", f"At most {most}")  # fmt: skip


def _allowed(case: Case) -> Found:
    """Say what this queue does not let one ask for."""
    for word, option in _OPTION_OF.items():
        if not case.has(word) or word in case.queue.may_ask:
            continue
        if word in ("gpus", "gpu_type") and "gpus" not in case.queue.may_ask:
            with_gpus = [each.name for each in case.system.queues if "gpus" in each.may_ask]
            other = f"Queues with GPUs: {', '.join(with_gpus)}" if with_gpus else "Leave it out"
            yield Problem(option, f"{case.place} has no GPUs", other)
        else:
            yield Problem(option, f"{case.place} {_why_not(case.queue, word)}", "Leave it out")


def _why_not(queue: Queue, word: str) -> str:
    if word == "gpu_type":
        return "has one type of GPU only"
    if queue.share is Share.NODE:
        return f"gives whole nodes: all their {'cores' if word == 'cpus' else word} are yours"
    if queue.share is Share.GPUS:
        return "gives cores and memory with each GPU"
    return f"sets the {'cores' if word == 'cpus' else word} by what else is asked for"


def _demanded(case: Case) -> Found:
    """Say what this queue wants to be told."""
    for element in case.queue.must_ask:
        words = [word for word in element.split(" or ") if word in _OPTION_OF]
        if not words or any(case.has(word) for word in words):
            continue
        options = " or ".join(_OPTION_OF[word] for word in words)
        yield Problem(options, f"is missing: {case.place} wants to be told", _example(case, words))


def _example(case: Case, words: list[str]) -> str:
    if words == ["gpu_type"]:
        return f"One of {', '.join(case.queue.known_gpu_types)}"
    if words == ["gpus"]:
        most = case.shape.gpus if case.shape else None
        return f"From 1 to {most}" if most else "At least 1"
    return "Example: " + ", ".join(
        {"cpus": f"--cpus {case.queue.cpus_multiple}", "memory": "--memory 8GB"}.get(word, word)
        for word in words
    )


def _cpus(case: Case) -> Found:
    cpus, queue = case.ask.cpus, case.queue
    if cpus is None or "cpus" not in queue.may_ask:
        return
    if cpus < 1:
        yield Problem("--cpus", f"{cpus} is no number of cores", "At least 1")
        return
    most = case.shape.cores if case.shape else queue.cores
    if most is not None and cpus > most:
        yield Problem("--cpus", f"{cpus} is more than {case.place} gives of a node",
                      f"At most {most}")  # fmt: skip
    if cpus % queue.cpus_multiple:
        steps = range(queue.cpus_multiple, (most or cpus) + 1, queue.cpus_multiple)
        yield Problem("--cpus", f"{cpus} is no multiple of {queue.cpus_multiple}",
                      f"{case.place} takes {', '.join(map(str, steps[:16]))}")  # fmt: skip
    if queue.max_cpus is not None and cpus * max(case.ask.nodes, 1) > queue.max_cpus:
        asked = f"{cpus} on each of {case.ask.nodes} nodes"
        yield Problem("--cpus", f"{asked} is more than {case.place} gives a batch job",
                      f"At most {queue.max_cpus} in all")  # fmt: skip


def _memory(case: Case) -> Found:
    memory = case.ask.memory
    if memory is None or "memory" not in case.queue.may_ask:
        return
    most = case.shape.memory if case.shape else case.queue.memory
    if most is not None and memory > most:
        yield Problem("--memory", f"{show_memory(memory)} is more than {case.place} gives of a"
                      " node", f"At most {most}MB ({show_memory(most)})")  # fmt: skip
    if memory < LEAST_MEMORY:
        yield Problem("--memory", f"{memory} MiB is too little for a pilot and a job",
                      f"At least {LEAST_MEMORY}MB; perhaps you mean {memory}GB")  # fmt: skip


def _gpus(case: Case) -> Found:
    gpus, queue = case.ask.gpus, case.queue
    if gpus is None or "gpus" not in queue.may_ask:
        return
    most = case.shape.gpus if case.shape else queue.gpus
    if gpus < 0 or (gpus == 0 and "gpus" in queue.must_ask):
        yield Problem("--gpus", f"{gpus} is no number of GPUs for {case.place}",
                      f"From 1 to {most}" if most else "At least 1")  # fmt: skip
    elif most is None:
        return
    elif queue.share is Share.NODE and gpus != most:
        yield Problem("--gpus", f"{gpus} is not what a node of {case.place} has: it is given whole",
                      f"Leave it out, or write {_numbers(case, most)}")  # fmt: skip
    elif gpus > most:
        yield Problem("--gpus", f"{gpus} is more than {case.place} gives of a node",
                      f"At most {most}")  # fmt: skip


def _numbers(case: Case, most: int) -> str:
    """Return the numbers of GPUs that whole nodes of the asked type have."""
    fitting = [
        each.gpus
        for each in case.queue.variants
        if each.gpus and each.when_gpu_type in ("", case.ask.gpu_type)
    ]
    return " or ".join(str(each) for each in sorted(set(fitting or [most])))


def _gpu_type(case: Case) -> Found:
    kind, known = case.ask.gpu_type, case.queue.known_gpu_types
    if not kind or "gpu_type" not in case.queue.may_ask:
        return
    if known and kind not in known:
        likely = near(kind, known)
        guess = f"Did you mean {likely}? " if likely else ""
        yield Problem(
            "--gpu-type", f"{case.place} has no {kind!r}", f"{guess}It has: {', '.join(known)}"
        )
    elif not _GPU_TYPE.fullmatch(kind):
        yield Problem("--gpu-type", f"{kind!r} is no type of GPU", "Example: a100")


def _lifetime(case: Case) -> Found:
    life, queue = case.ask.lifetime, case.queue
    if life < LEAST_LIFE:
        yield Problem("--lifetime", f"{show_seconds(life)} is too short for a pilot",
                      f"At least {LEAST_LIFE} seconds")  # fmt: skip
    elif queue.min_walltime is not None and life < queue.min_walltime:
        yield Problem("--lifetime", f"{show_seconds(life)} is less than {case.place} takes",
                      f"At least {show_seconds(queue.min_walltime)}")  # fmt: skip
    most = MOST_LIFE if queue.max_walltime is None else queue.max_walltime
    if life > most:
        yield Problem("--lifetime", f"{show_seconds(life)} is more than {case.place} gives",
                      f"At most {show_seconds(most)}: --lifetime {most}")  # fmt: skip
    idle = case.ask.idle_time
    if idle is not None and idle < 1:
        yield Problem("--idle-time", f"{idle} is no time to wait for work", "At least 1 second")
    elif idle is not None and idle > life >= LEAST_LIFE:
        yield Problem("--idle-time", f"{show_seconds(idle)} is longer than the pilot lives",
                      f"At most {show_seconds(life)}, or a longer --lifetime")  # fmt: skip


def _project(case: Case) -> Found:
    project, facts = case.ask.project, case.system.project
    if project and not _PROJECT.fullmatch(project):
        yield Problem("--project", f"{project!r} is no project's name",
                      "It has letters, digits, dots, - and _")  # fmt: skip
    elif not project and facts.required:
        how = f"; yours are listed there by: {facts.list_command}" if facts.list_command else ""
        yield Problem("--project", f"is missing: {case.system.title} charges every batch job",
                      f"Name the project{how}")  # fmt: skip


def _options(case: Case) -> Found:
    if case.ask.options and case.system.dialect is not Dialect.SLURM:
        yield Problem("--sbatch", f"{case.system.title} has no Slurm", "Leave it out")
        return
    seen = set()
    for name, value in case.ask.options:
        field = f"--sbatch {name}"
        if name in _OURS:
            yield Problem(field, "has a word of its own here", f"Use {_OURS[name]}")
        elif name not in SBATCH_OPTIONS:
            yield Problem(
                field, "is not handed on", f"Those that are: {', '.join(sorted(SBATCH_OPTIONS))}"
            )
        elif name == "qos" and case.system.select is Select.QOS:
            yield Problem(
                field, f"is what chooses the queue on {case.system.title}", "Use QUEUE@SYSTEM"
            )
        elif name in seen:
            yield Problem(field, "is given twice", "Give it once")
        elif not _VALUE.fullmatch(value) and not (name == "exclusive" and not value):
            yield Problem(field, f"{value!r} cannot stand in a #SBATCH line",
                          "Use letters, digits and . _ - : , = + @ % / * & | ! ( )")  # fmt: skip
        seen.add(name)


RULES: tuple[Callable[[Case], Found], ...] = (
    _nodes,
    _jobs,
    _allowed,
    _demanded,
    _cpus,
    _memory,
    _gpus,
    _gpu_type,
    _lifetime,
    _project,
    _options,
)

"""What is known of a system and its queues: frozen values, as its file in the catalogue says them.

Memory is in MiB, time in seconds; None is "no limit, or none known", which is never the same as 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Dialect(StrEnum):
    """The batch system that is spoken to."""

    SLURM = "Slurm"
    HTCONDOR = "HTCondor"


class Select(StrEnum):
    """How a queue is chosen: by its partition or by its quality of service."""

    PARTITION = "partition"
    QOS = "qos"


class Share(StrEnum):
    """What a queue gives out: whole nodes, cores and memory of nodes, or GPUs with their share."""

    NODE = "node"
    CORES = "cores"
    GPUS = "gpus"


class Scope(StrEnum):
    """What the number behind the GPU option counts: the GPUs of a node, or those of the job."""

    NODE = "node"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Login:
    """Where one logs in. `setup` are commands to run there before scratch folders are looked for.

    In `setup` the variable GLIDEIN_PROJECT holds the project. `fingerprints` are those of host
    keys, as OpenSSH prints them; empty where no source publishes any.
    """

    hosts: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """Whether a batch job must name what it is charged to, and the command that lists those."""

    required: bool = False
    list_command: str = ""


@dataclass(frozen=True, slots=True)
class GpuOption:
    """How GPUs are asked for: the option without its dashes, and what its number counts."""

    option: str = ""
    scope: Scope = Scope.NODE


@dataclass(frozen=True, slots=True)
class Container:
    """How containers are run there. Empty: whatever the pilot finds.

    With `setup` the command needs a wrapper that runs these lines first, in a login shell if
    `login_shell`.
    """

    command: str = ""
    setup: tuple[str, ...] = ()
    login_shell: bool = False


@dataclass(frozen=True, slots=True)
class HTCondorSite:
    """What a system that itself is an HTCondor pool wants of a batch job.

    `cpus` and `memory` (MiB) are asked for where the user asks for none; `disk_per_cpu` is MiB.
    """

    requirements: str = ""
    image: str = ""
    cpus: int | None = None
    memory: int | None = None
    disk_per_cpu: int | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """Figures that hold where certain GPUs are asked for; None leaves the queue's own.

    `when_gpus` is "any", "none", "some" or a number of GPUs per node; `when_gpu_type` a type, or
    empty for any. The first variant that fits counts.
    """

    name: str
    when_gpus: str = "any"
    when_gpu_type: str = ""
    cores: int | None = None
    memory: int | None = None
    gpus: int | None = None
    max_nodes: int | None = None
    constraint: str = ""

    def fits(self, gpus: int, gpu_type: str) -> bool:
        """Say whether it holds for so many GPUs per node of that type."""
        if self.when_gpu_type and self.when_gpu_type != gpu_type:
            return False
        words = {"any": True, "none": gpus == 0, "some": gpus > 0}
        return words.get(self.when_gpus, self.when_gpus == str(gpus))


@dataclass(frozen=True, slots=True)
class Shape:
    """The figures of one node of a queue for one ask, the fitting variant applied."""

    cores: int | None
    memory: int | None
    gpus: int | None
    max_nodes: int | None
    constraint: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue: what may be asked of it, and how much.

    `batch_name` is what the batch system calls it; empty lets it choose. `cores`, `memory` and
    `gpus` are the most that one batch job gets of one node; `gpus` None is unknown, 0 none.
    `cpus_multiple` is what a number of cores must be a multiple of, `max_cpus` bounds the cores
    of a batch job over all its nodes. `memory_directive`: the script must name the memory even
    where the user names none; `exclusive`: it must say that it wants nodes for itself, as nothing
    else there makes them whole. `may_ask` and `must_ask` hold cpus, memory, gpus, gpu_type; an
    element of `must_ask` may join alternatives, "cpus or memory". `max_jobs` bounds a user's batch
    jobs in the queue. `source` and `checked` are its system's where its file says nothing else.
    """

    name: str
    batch_name: str
    share: Share
    source: str
    checked: date
    cores: int | None = None
    memory: int | None = None
    gpus: int | None = None
    gpu_types: tuple[str, ...] = ()
    gpu_model: str = ""
    cpus_multiple: int = 1
    max_cpus: int | None = None
    memory_directive: bool = False
    exclusive: bool = False
    may_ask: tuple[str, ...] = ()
    must_ask: tuple[str, ...] = ()
    min_nodes: int = 1
    max_nodes: int | None = None
    min_walltime: int | None = None
    max_walltime: int | None = None
    max_jobs: int | None = None
    arrays: bool = True
    preemptible: bool = False
    constraint: str = ""
    variants: tuple[Variant, ...] = ()
    retired: str = ""
    doubt: str = ""
    note: str = ""

    @property
    def known_gpu_types(self) -> tuple[str, ...]:
        """The types of GPU it has, those of its variants included; empty where none is named."""
        types = (*self.gpu_types, *(each.when_gpu_type for each in self.variants))
        return tuple(dict.fromkeys(each for each in types if each))

    def shape(self, gpus: int, gpu_type: str) -> Shape | None:
        """Return one node's figures for so many GPUs of that type; None if no variant fits."""
        own = Shape(self.cores, self.memory, self.gpus, self.max_nodes, self.constraint)
        if not self.variants:
            return own
        found = next((each for each in self.variants if each.fits(gpus, gpu_type)), None)
        if found is None:
            return None
        return Shape(
            own.cores if found.cores is None else found.cores,
            own.memory if found.memory is None else found.memory,
            own.gpus if found.gpus is None else found.gpus,
            own.max_nodes if found.max_nodes is None else found.max_nodes,
            found.constraint or own.constraint,
        )


@dataclass(frozen=True, slots=True)
class System:
    """A system: what is true of it whatever the queue, and its queues.

    `retired` says why and since when nothing is sent there; empty while it is in service.
    `any_queue`: a queue that is not listed is taken to be like the default one. `scratch` are
    shared folders and `node_scratch` folders on a node's own disk, the first that is there counts;
    ${NAME} in them is the variable there. `setup` are commands that a batch job runs first, `knobs`
    HTCondor settings of its pilots.
    """

    name: str
    title: str
    dialect: Dialect
    default_queue: str
    source: str
    checked: date
    queues: tuple[Queue, ...]
    select: Select = Select.PARTITION
    any_queue: bool = False
    login: Login = field(default_factory=Login)
    project: Project = field(default_factory=Project)
    gpu: GpuOption = field(default_factory=GpuOption)
    container: Container = field(default_factory=Container)
    htcondor: HTCondorSite = field(default_factory=HTCondorSite)
    scratch: tuple[str, ...] = ()
    node_scratch: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    knobs: Mapping[str, str] = field(default_factory=dict)
    retired: str = ""
    doubt: str = ""
    note: str = ""

    def queue(self, name: str) -> Queue | None:
        """Return the listed queue of that name, or None."""
        return next((each for each in self.queues if each.name == name), None)

"""The submit description that starts pilots as HTCondor batch jobs, one each. Pure.

HTCondor's own words of what slurm_templates.batch and slurm_templates.planning make for Slurm.
"""

import re
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath

from glidein import pilotconf
from glidein.batchask import BatchAsk, completed
from glidein.errors import RenderError
from glidein.model import Request, Resources, RuntimeChoice
from slurm_templates.planning import Target, place

_TARBALL = re.compile(r"/.*\.(tar|tgz|tar\.(gz|xz|zst|bz2))")
_MEMORY, _DISK = 2048, 8192  # MiB, where neither the user nor the catalogue says one
_RUNTIME_ROOM = 1024  # MiB of the disk granted that a pilot keeps for itself
_SLACK = 600  # seconds beyond its lifetime that a pilot may take to come and to go
_TOO_LONG = "JobStatus == 5 && HoldReasonCode =?= 46"
_AGAIN = "JobStatus == 1 && NumJobStarts > 0"
_FIRST = "(MY.NumJobStarts ?: 0) == 0"


@dataclass(frozen=True, slots=True)
class Submit:
    """What stands in a submit description, in the order in which it stands there.

    `requirements` and `remove` are expressions; `memory` and `disk` are MiB, `vacate` and
    `duration` seconds, `inputs` the files that go along beside token and pilot.conf.
    """

    remarks: tuple[str, ...]
    request: str
    project: str
    image: str
    cpus: int
    memory: int
    disk: int
    gpus: int
    gpu_type: str
    requirements: str
    inputs: tuple[str, ...]
    vacate: int
    duration: int
    remove: str
    pilots: int


def render(submit: Submit) -> str:
    """Return the submit description. Raises RenderError for a value that cannot stand in it."""
    from glidein import rendering  # loads Jinja, which a listing needs not

    return rendering.render("slurm_templates", "pilot.sub.j2", asdict(submit))


def submit(request: Request, ask: BatchAsk, target: Target) -> Submit:
    """Return the values of the submit description for a request.

    A batch job that was started once is not started again unless that was asked for. Raises
    RenderError for further options of sbatch, which HTCondor does not know.
    """
    if ask.options:
        names = ", ".join(name for name, _ in ask.options)
        raise RenderError(f"{target} is an HTCondor system: it takes no option of sbatch ({names})")
    size, site = granted(request, ask, target), target.system.htcondor
    wanted = [site.requirements, "" if ask.requeue else _FIRST]
    return Submit(
        remarks=_remarks(ask, target),
        request=request.id,
        project=ask.project,
        image=site.image,
        cpus=size.cpus or 1,
        memory=size.memory_mb or _MEMORY,
        disk=size.disk_mb or _DISK,
        gpus=size.gpus or 0,
        gpu_type=_gpu_type(ask.gpu_type),
        requirements=" && ".join(f"({each})" for each in wanted if each),
        inputs=tuple(filter(None, [_tarball(request.runtime)])),
        vacate=request.spec.grace + 30,
        duration=ask.lifetime + _SLACK,
        remove=_TOO_LONG if ask.requeue else f"({_TOO_LONG}) || ({_AGAIN})",
        pilots=ask.pilots,
    )


def granted(request: Request, ask: BatchAsk, target: Target) -> Resources:
    """Return what each pilot is to be granted: what was asked for, else what the system wants."""
    whole, site = completed(ask, target.queue), target.system.htcondor
    cpus = whole.cpus or site.cpus or 1
    per_cpu = site.disk_per_cpu
    return Resources(
        cpus=cpus,
        memory_mb=whole.memory or site.memory or _MEMORY,
        disk_mb=request.spec.resources.disk_mb or (per_cpu * cpus if per_cpu else _DISK),
        gpus=whole.gpus or 0,
    )


def conf(request: Request, ask: BatchAsk, target: Target, index: int) -> str:
    """Return pilot.conf for one pilot: all that it names lies beside it, where it is started.

    What was granted is said there: inside an HTCondor job a pilot sees the whole machine.
    """
    size = granted(request, ask, target)
    room = max((size.disk_mb or _DISK) - _RUNTIME_ROOM, 512)
    spec = replace(request.spec, resources=replace(size, disk_mb=room))
    runtime = request.runtime
    if runtime and (path := _tarball(runtime)):
        runtime = RuntimeChoice(PurePosixPath(path).name, runtime.sha256)
    there = place(target.system, "token", token_remove=True)
    return pilotconf.render(replace(request, spec=spec, runtime=runtime), index, there)


def _tarball(runtime: RuntimeChoice | None) -> str:
    """Return the path of a tarball that lies where the batch jobs are submitted, else nothing."""
    where = runtime.where.removeprefix("file://") if runtime else ""
    return where if _TARBALL.fullmatch(where) else ""


def _gpu_type(name: str) -> str:
    """Return a GPU type fit for a regular expression in which it stands for itself."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", name):
        raise RenderError(f"{name!r} is no GPU type; use letters, digits, _ and -")
    return name


def _remarks(ask: BatchAsk, target: Target) -> tuple[str, ...]:
    what = f"{ask.pilots} batch job{'s' * (ask.pilots > 1)}, a pilot in each"
    return (
        f"Glidein: {what}, for {target}.",
        "Each pilot joins the pool, runs its owners' jobs and leaves by itself.",
    )

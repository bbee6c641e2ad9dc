"""Demand: what the queue asks for, by owner and shape. Pure: aggregated ads in, values out.

A shape stands for any number of idle jobs that no pilot could tell apart. Its ad holds all that
their Requirements refer to, so a shape is matched as a job would be.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from glidein.matching import Ad

# What an idle job is told apart by. Attributes that their values refer to come along by themselves,
# such as RequireGPUs with Requirements. Each name costs the schedd time for each job.
GROUP_BY = (
    "Owner", "RequestCpus", "RequestMemory", "RequestDisk", "RequestGPUs", "Requirements",
    "TargetAnnexName", "AllowedJobDuration", "AllowedExecuteDuration",
    "MaxWallTime",
)  # fmt: skip
IDLE = "JobStatus == 1 && JobUniverse == 5"

# Sizes that HTCondor measures differ from job to job by bytes: rounded up, they make few shapes.
_MEMORY_STEP, _DISK_STEP = 128, 1024
_MEASURED = frozenset(
    name.lower()
    for name in ("ImageSize", "ImageSize_RAW", "DiskUsage", "DiskUsage_RAW", "ExecutableSize",
                 "ExecutableSize_RAW", "MemoryUsage", "ResidentSetSize", "ResidentSetSize_RAW",
                 "TransferInputSizeMB")
)  # fmt: skip
_NUMBER = re.compile(r"[\d.]+(?:[eE][+-]?\d+)?", re.ASCII)
_NOT_TOLD_APART = _MEASURED | {"id", "jobcount", "jobids", "autoclusterid", "servertime"}


@dataclass(frozen=True, slots=True)
class Shape:
    """Idle jobs of one owner that ask for the same: how many, what, and one of them as example.

    `seconds` is the longest run time the jobs declare, None if they declare none. `annex` is the
    pilot name they are bound to. `unknown` names requests that came to no number.
    """

    owner: str
    jobs: int
    cpus: int
    memory_mb: int
    disk_mb: int
    gpus: int
    seconds: int | None
    annex: str
    schedd: str
    example: str
    ad: Ad = field(repr=False, compare=False)
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """An owner's jobs in one schedd, counted by state. `aside` are those no pilot would run."""

    idle: int = 0
    running: int = 0
    held: int = 0
    aside: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(self.idle + other.idle, self.running + other.running,
                      self.held + other.held, self.aside + other.aside)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Demand:
    """What all schedds' idle jobs ask for. `troubles` says what could not be read, in words.

    `cut` names owners whose jobs are of so many shapes that not all of them are here. Nothing may
    be concluded from what is missing while there are troubles.
    """

    shapes: tuple[Shape, ...]
    troubles: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every schedd answered and every shape is here."""
        return not self.troubles and not self.cut

    @property
    def jobs(self) -> int:
        """How many idle jobs the shapes stand for."""
        return sum(shape.jobs for shape in self.shapes)


def shape_of(ad: Ad, schedd: str) -> Shape:
    """Read one aggregated ad. Expression-valued requests are evaluated in the ad itself."""
    memory = _size(ad, "RequestMemory", 1, _MEMORY_STEP)
    disk = _size(ad, "RequestDisk", 1024, _DISK_STEP)
    cpus, gpus = ad.number("RequestCpus"), ad.number("RequestGPUs")
    unknown = [name for name in ("RequestCpus", "RequestMemory", "RequestDisk", "RequestGPUs")
               if name in ad and ad.number(name) is None]  # fmt: skip
    seconds = [ad.number("AllowedJobDuration"), ad.number("AllowedExecuteDuration")]
    minutes = ad.number("MaxWallTime")
    declared = [each for each in (*seconds, None if minutes is None else minutes * 60)
                if each is not None and math.isfinite(each)]  # fmt: skip
    return Shape(
        owner=ad.string("Owner"),
        jobs=ad.integer("JobCount", 1),
        cpus=_whole(cpus, 1),
        memory_mb=memory,
        disk_mb=disk,
        gpus=_whole(gpus, 0),
        seconds=int(min(declared)) if declared else None,
        annex=ad.string("TargetAnnexName"),
        schedd=schedd,
        example=ad.string("JobIds").split(" ")[0],
        ad=_settled(ad, memory, disk),
        unknown=tuple(unknown),
    )


def merged(shapes: Iterable[Shape]) -> tuple[Shape, ...]:
    """Put shapes together that only measured bytes told apart; sorted by owner, largest first."""
    found: dict[object, Shape] = {}
    for shape in shapes:
        key = (shape.schedd, *_key(shape))
        there = found.get(key)
        found[key] = replace(there, jobs=there.jobs + shape.jobs) if there else shape
    return tuple(sorted(found.values(), key=lambda s: (s.owner, -s.jobs, s.schedd, s.example)))


def totals_of(ads: Iterable[Ad]) -> dict[str, Totals]:
    """Count an owner's jobs by state, from ads grouped by Owner, JobStatus and JobUniverse."""
    found: dict[str, Totals] = {}
    for ad in ads:
        owner, jobs = ad.string("Owner"), ad.integer("JobCount")
        found[owner] = found.get(owner, Totals()) + _counted(ad, jobs)
    return dict(sorted(found.items()))


def _counted(ad: Ad, jobs: int) -> Totals:
    if ad.integer("JobUniverse", 5) != 5:
        return Totals(aside=jobs)
    match ad.integer("JobStatus"):
        case 1:
            return Totals(idle=jobs)
        case 2 | 6:
            return Totals(running=jobs)
        case 5:
            return Totals(held=jobs)
        case _:
            return Totals(aside=jobs)


def _key(shape: Shape) -> tuple[object, ...]:
    ad = shape.ad
    told = tuple((name.lower(), ad.text(name)) for name in ad.names()
                 if name.lower() not in _NOT_TOLD_APART)  # fmt: skip
    return (shape.cpus, shape.memory_mb, shape.disk_mb, shape.gpus, told)


def _size(ad: Ad, name: str, unit: int, step: int) -> int:
    """Return a request in MiB, rounded up; to a multiple of `step` where it was measured."""
    number = ad.number(name)
    if number is None or not math.isfinite(number):
        return 0
    mib = math.ceil(max(0.0, number) / unit)
    return mib if _is_plain(ad.text(name)) else -(-mib // step) * step


def _settled(ad: Ad, memory_mb: int, disk_mb: int) -> Ad:
    """Return the ad with measured requests made plain, so that all the shape's jobs share it."""
    sizes = {"RequestMemory": memory_mb, "RequestDisk": disk_mb * 1024}
    measured = {name: size for name, size in sizes.items()
                if size and not _is_plain(ad.text(name))}  # fmt: skip
    return ad.with_values(**measured) if measured else ad


def _is_plain(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _whole(number: float | None, default: int) -> int:
    return default if number is None or not math.isfinite(number) else max(0, math.ceil(number))

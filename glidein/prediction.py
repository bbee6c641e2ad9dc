"""The ad that a pilot would have, before there is one. Pure: a spec in, a slot's ad out.

What pilot.sh makes of its pilot.conf is said here once more, in Python, so that jobs can be
matched with a machine before it is paid for. A test holds the two together on the ad of a pilot
that really joined, attribute for attribute in EQUAL.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from glidein import quoting
from glidein.matching import Ad, Value, literal
from glidein.model import PilotName, PilotSpec, Resources

# What a job's Requirements or a schedd's matching can turn on, and what is known beforehand.
EQUAL = (
    "Activity", "AnnexName", "Arch", "Cpus", "FileSystemDomain", "GlideinContainers",
    "GlideinDraining", "GlideinPilot", "GlideinRequest", "GlideinRestart", "GlideinStartExtra",
    "GlideinStartLife", "GlideinStartOwners", "GPUs", "HasFileTransfer", "HasJobDeferral",
    "HasReconnect", "IsAnnex", "Memory", "MyType", "OpSys", "PartitionableSlot", "Rank",
    "Requirements", "SlotType", "Start", "State", "TotalSlotCpus", "TotalSlotGPUs",
    "TotalSlotMemory", "UidDomain", "WithinResourceLimits",
)  # fmt: skip

# How often a pilot speaks to the collector, and when its silence means that it is gone: seconds.
UPDATE_INTERVAL = 60
SILENT = UPDATE_INTERVAL * 5 // 2

_LIFE = (
    "time() < GlideinRetire && time() + (TARGET.AllowedJobDuration ?: 0) <= GlideinDeadline && "
    "time() + (TARGET.AllowedExecuteDuration ?: 0) <= GlideinDeadline && "
    "time() + 60 * (TARGET.MaxWallTime ?: 0) <= GlideinDeadline"
)
_START = (
    "(MY.GlideinStartOwners =?= true) && (MY.GlideinStartExtra =?= true) && "
    "(MY.GlideinStartLife =?= true) && (MY.GlideinDraining =?= false)"
)
_LIMITS = (
    "(MY.Cpus > 0 && TARGET.RequestCpus <= MY.Cpus && MY.Memory > 0 && "
    "TARGET.RequestMemory <= MY.Memory && MY.Disk > 0 && TARGET.RequestDisk <= MY.Disk && "
    "(TARGET.RequestGPUs is undefined || MY.GPUs >= TARGET.RequestGPUs))"
)


def predicted_ad(
    spec: PilotSpec,
    offered: Resources,
    started: datetime,
    name: PilotName | None = None,
    *,
    containers: str = "",
    gpus: Sequence[Mapping[str, Value]] = (),
    also: Mapping[str, Value] | None = None,
) -> Ad:
    """Return the slot's ad of a pilot of `spec` that offers `offered`, right after it joined.

    `containers` is the container runtime found there ("apptainer"), `gpus` what is known of each
    GPU in HTCondor's words ({"Capability": 9.0, "GlobalMemoryMb": 81000}), `also` what else is
    known of the machine. A spec without owners belongs to its token's subject, whom nobody here
    knows: then no job matches.
    """
    who = name or PilotName("predicted")
    begin = int(started.timestamp())
    end = begin + spec.lifetime
    values: dict[str, Value] = {
        "MyType": "Machine",
        "Name": f"slot1@{who}@predicted",
        "Arch": "X86_64",
        "OpSys": "LINUX",
        "State": "Unclaimed",
        "Activity": "Idle",
        "SlotType": "Partitionable",
        "PartitionableSlot": True,
        "Rank": 0,
        "UidDomain": str(who),
        "FileSystemDomain": str(who),
        "HasFileTransfer": True,
        "HasJobDeferral": True,
        "HasReconnect": True,
        "GlideinRequest": who.request_id,
        "GlideinPilot": who.index,
        "GlideinRestart": who.restart,
        "GlideinStart": begin,
        "GlideinRetire": end - retirement(spec.lifetime),
        "GlideinDeadline": end,
        "GlideinDraining": False,
        "GlideinContainers": containers,
    }
    if spec.name:
        values |= {"AnnexName": spec.name, "IsAnnex": True}
    if containers:
        values |= {"HasSingularity": True}
    sizes = _sizes(offered)
    return (
        Ad.of(**values, **sizes)
        .with_expressions(**_expressions(spec), **_gpus(gpus))
        .with_values(**(also or {}))
    )


def offered(given: Resources, wanted: Resources) -> Resources:
    """Return what a pilot offers where it is given that much: a share is kept for its daemons."""
    memory = wanted.memory_mb
    if memory is None and given.memory_mb is not None:
        memory = given.memory_mb - kept_memory(given.memory_mb)
    return Resources(
        cpus=given.cpus if wanted.cpus is None else wanted.cpus,
        memory_mb=memory,
        disk_mb=given.disk_mb if wanted.disk_mb is None else wanted.disk_mb,
        gpus=given.gpus if wanted.gpus is None else wanted.gpus,
    )


def kept_memory(given_mb: int) -> int:
    """Return the MiB that a pilot keeps for HTCondor's daemons: a twentieth, within bounds."""
    return min(1024, max(128, given_mb // 20))


def retirement(lifetime: int) -> int:
    """Return how long before its end a pilot takes no new job: a tenth, at most half an hour."""
    return min(lifetime // 10, 1800)


def owners_clause(owners: Sequence[str]) -> str:
    """Return the condition that a job's owner is one of these; nobody's, without any.

    `=?=`, since `==` would let Alice's jobs run on alice's pilot: ClassAds compare without case.
    """
    named = [owner.strip(" \t\n\r\f\v") for each in owners for owner in each.split(",")]
    each = (f"TARGET.Owner =?= {_text(owner)}" for owner in named if owner)
    return " || ".join(each) or "false"


def _text(value: str) -> str:
    """Return a string as the payload writes it, as it is read back from the slot's ad.

    HTCondor's configuration cannot keep every backslash and dollar, so they stand apart.
    """
    plain = re.split(r"([\\$])", value)
    if len(plain) == 1:
        return quoting.classad(value)
    pieces = (
        'substr("\\\\\\\\.", 0, 1)' if piece == "\\" else quoting.classad(piece) for piece in plain
    )
    return f"strcat({', '.join(pieces)})"


def _expressions(spec: PilotSpec) -> dict[str, str]:
    bound = f" && (TARGET.TargetAnnexName =?= {_text(spec.name)})" if spec.name else ""
    return {
        "GlideinStartOwners": owners_clause(spec.owners),
        "GlideinStartExtra": spec.start.strip() or "true",
        "GlideinStartLife": _LIFE,
        "Start": _START + bound,
        "WithinResourceLimits": _LIMITS,
        "Requirements": "START && (WithinResourceLimits)",
    }


def _sizes(offered: Resources) -> dict[str, Value]:
    """Return the sizes, each also as the slot's total; Disk is counted in KiB."""
    disk = None if offered.disk_mb is None else offered.disk_mb * 1024
    counted: dict[str, Value] = {
        "Cpus": offered.cpus,
        "Memory": offered.memory_mb,
        "Disk": disk,
        "GPUs": offered.gpus or 0,
    }
    totals = {f"TotalSlot{name}": value for name, value in counted.items()}
    return counted | totals


def _gpus(gpus: Sequence[Mapping[str, Value]]) -> dict[str, str]:
    if not gpus:
        return {}
    ads = (
        "[" + "; ".join(f"{name} = {literal(value)}" for name, value in sorted(gpu.items())) + "]"
        for gpu in gpus
    )
    return {"AvailableGPUs": "{" + ", ".join(ads) + "}"}

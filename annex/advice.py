"""What Slurm's words mean for the person who asked: advice for pending reasons and refusals.

Reasons are Slurm's own, as squeue prints them (job_reason_codes of its documentation); a reason
that is not in the table is shown as it is. Refusals are what sbatch prints.
"""

import re
from dataclasses import dataclass

from glidein.errors import CapacityError, ProviderError, RejectedError, TransientError

_WAIT = "nothing is wrong; it waits for its turn"
_BUDGET = "the project has no time left for this: see its balance, or name another --project"
_USER_LIMIT = "you run as much as you may there: it starts when some of it ends, or ask for less"
_GROUP_LIMIT = "your project runs as much as it may there: it starts when some of that ends"
_TOO_BIG = "one batch job may not ask for that much: stop it and ask for less"
_HELD = "it will not start by itself: see why with scontrol show job, release it, or stop it"

# Families first match wins; Slurm builds most limit reasons from the same parts.
_REASONS: tuple[tuple[str, str], ...] = (
    (r"None|Priority|Resources|NodesReserved|Prolog|Cleaning|WaitingForScheduling", _WAIT),
    (r"BeginTime", "it may not start before its begin time; after a requeue that is two minutes"),
    (r"Dependency|DependencyNeverSatisfied", "it waits for another batch job: see --dependency"),
    (r"JobHeldUser|JobHoldMaxRequeue|SpecialExit", _HELD),
    (r"JobHeldAdmin", "an administrator holds it: ask the site"),
    (r"JobArrayTaskLimit", "the array runs as many tasks at once as it was told to"),
    (r"Licenses|BurstBuffer.*|FedJobLock|OutOfMemory", "the site is short of it: see its news"),
    (r"(Max)?Reservation(Deleted|Time|Invalid)?|ReservationDeleted", "its reservation is not open"),
    (r"ReqNodeNotAvail.*|NodeDown|Node_?Not_?Avail.*", "nodes are down or kept for maintenance: "
     "a shorter --lifetime may fit before it"),
    (r"Partition(Down|Inactive)", "the queue is closed: see the site's news, or take another"),
    (r"PartitionTimeLimit", "the queue allows less time: stop it and give a shorter --lifetime"),
    (r"PartitionNodeLimit", "the queue allows fewer nodes: stop it and give fewer --nodes"),
    (r"BadConstraints|ConstraintsUnsatisfied|NodeConfig.*|Invalid.*Gres", "no node has what was "
     "asked for: stop it and change --cpus, --memory, --gpu-type or --constraint"),
    (r"(InvalidAccount|AccountNotAllowed|AccountingPolicy)", "the project may not run there: "
     "see --project"),
    (r"InvalidQOS|QOSNotAllowed|Qos.*NotAllowed", "the QOS may not be used there: see --qos"),
    (r"JobLaunchFailure|launch_failed_requeued_held|LaunchFailed.*", "a node failed to start it "
     "and Slurm holds it: release or stop it, and tell the site"),
    (r"(Assoc|QOS)Grp.*(Minutes|RunMinutes).*", _BUDGET),
    (r"(Assoc|QOS)Max.*PerJob.*|MaxMemPerLimit|QOSMin.*|.*MaxWallDurationPerJob.*", _TOO_BIG),
    (r"(Assoc|QOS)Max.*(PerUser|PerAccount)?.*|QOSJobLimit|AssociationJobLimit", _USER_LIMIT),
    (r"(Assoc|QOS)Grp.*|QOSResourceLimit|AssociationResourceLimit", _GROUP_LIMIT),
    (r"QOSUsageThreshold|AssociationTimeLimit|QOSTimeLimit", _BUDGET),
)  # fmt: skip


def pending(reason: str) -> str:
    """Return what a pending reason means in words; empty for one that is not known."""
    word = reason.strip().strip("()").split(",")[0].replace(" ", "_")
    for pattern, advice in _REASONS:
        if re.fullmatch(pattern, word):
            return advice
    return ""


@dataclass(frozen=True, slots=True)
class _Refusal:
    pattern: str
    kind: type[ProviderError]
    remedy: str


_REFUSALS = (
    _Refusal(
        r"Could not establish a configuration source|fetch_config",
        TransientError,
        "this machine belongs to no Slurm cluster that answers; log in where batch jobs are"
        " submitted, or see SLURM_CONF",
    ),
    _Refusal(
        r"Unable to contact slurm controller|Socket timed out|Connection (refused|timed out)|"
        r"Zero Bytes were transmitted|slurm_receive_msg|Slurm temporarily unable|"
        r"Communication connection failure|Message (send|receive) failure",
        TransientError,
        "Slurm's controller does not answer; repeat it in a while",
    ),
    _Refusal(
        r"SubmitJobLimit|job submit limit|Job dependency problem.*limit|Too many jobs|"
        r"Slurm job queue full|MaxArraySize",
        CapacityError,
        "you have as many batch jobs there as you may; stop some, or ask for fewer",
    ),
    _Refusal(
        r"account/partition combination|Invalid account|account .*not (valid|permitted)|"
        r"not permitted to use this partition",
        RejectedError,
        "the project may not use that queue; see --project and sacctmgr show assoc user=$USER",
    ),
    _Refusal(r"invalid partition", RejectedError, "the site has no such queue; see sinfo -s"),
    _Refusal(r"invalid qos|QOS.*not permitted", RejectedError, "see --qos, and your QOS there"),
    _Refusal(
        r"time limit is invalid|time limit.*exceed", RejectedError, "give a shorter --lifetime"
    ),
    _Refusal(
        r"Node count specification invalid|node count.*exceed|PartitionNodeLimit",
        RejectedError,
        "the queue allows another number of --nodes",
    ),
    _Refusal(
        r"Memory specification|MaxMemPer|memory.*exceed|MemoryPer",
        RejectedError,
        "no node there has that much memory; give a smaller --memory",
    ),
    _Refusal(
        r"gres|generic resource|gpu",
        RejectedError,
        "see --gpus and --gpu-type, and what the queue has with: sinfo -o '%P %G'",
    ),
    _Refusal(
        r"node configuration is not available|CPU count|cpus.*exceed",
        RejectedError,
        "no node there has what was asked for; see --cpus, --memory, --gpus and --constraint",
    ),
    _Refusal(r"reservation", RejectedError, "see --reservation"),
    _Refusal(
        r"accounting/QOS policy|AssocGrp|QOSGrp|QOSMax|AssocMax",
        RejectedError,
        "a limit of your project or QOS forbids it; ask for less",
    ),
)


def refusal(said: str, what: str) -> ProviderError:
    """Return the error that sbatch's (or another command's) words mean; `what` begins it."""
    words = "; ".join(_words(said)) or "it said nothing"
    for each in _REFUSALS:
        if re.search(each.pattern, said, re.IGNORECASE):
            return each.kind(f"{what}: {words}. Next: {each.remedy}")
    return RejectedError(f"{what}: {words}")


def _words(said: str) -> list[str]:
    """Return Slurm's lines without what stands before each of them."""
    plain = (re.sub(r"^\w+: (error: )?", "", line).strip() for line in said.splitlines())
    return list(dict.fromkeys(line for line in plain if line))[:5]

"""pilot.conf: everything that differs from one pilot to the next, as KEY='value' lines.

The payload parses the file and refuses keys it does not know, so that a newer client never
believes an older payload did what it asked. KEYS is the whole vocabulary; a test holds the
payload to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from glidein import quoting
from glidein.model import Request

FORMAT = 1

KEYS = {
    "FORMAT": "version of this file; the payload refuses a newer one",
    "REQUEST_ID": "the request's id",
    "PILOT_INDEX": "the pilot's index within the request",
    "PILOT_RESTART": "how often it was restarted",
    "POOL": "HOST[:PORT][?sock=NAME] of the collector",
    "TOKEN_FILE": "the IDTOKEN; copied to a private place before anything starts",
    "TOKEN_REMOVE": "1: the token file is the pilot's own and is removed once copied",
    "OWNERS": "whose jobs may run, separated by commas; empty: the token's subject",
    "START": "a further expression that a job must satisfy",
    "LIFETIME": "seconds from the pilot's start to its end",
    "DEADLINE": "the end as seconds since 1970, where the batch system sets one; the earlier wins",
    "RETIRE": "seconds before the end when no new job is taken; empty: a tenth, at most 1800",
    "GRACE": "seconds jobs may go on after the pilot was told to leave",
    "IDLE": "seconds without a job after which it leaves",
    "LOST_WAIT": "seconds the pool may be away before the pilot drains and leaves",
    "WORK_DIR": "where its folder is made; empty: the best of TMPDIR, /tmp, /var/tmp",
    "CLAIM_DIR": "where it claims its name by mkdir, so that a double ends",
    "RUNTIME": "folder, tarball or URL of the HTCondor to use; empty: search",
    "RUNTIME_SHA256": "what the tarball's SHA-256 must be",
    "CPUS": "cores offered; empty: what was given",
    "MEMORY_MB": "MiB offered; empty: what was given",
    "DISK_MB": "MiB of scratch offered; empty: what is free",
    "GPUS": "GPUs offered; empty: what was given",
    "NAME": "what TargetAnnexName of a job refers to",
    "ATTACH_SCHEDD": "direct attach: the schedd's name",
    "ATTACH_POOL": "direct attach: its collector",
    "ATTACH_SUBMITTER": "direct attach: the submitter to run for",
    "CONTAINERS": "auto, no, or the path of apptainer or singularity",
    "CONTAINER_SETUP": "commands that come before that program each time, one a line",
    "KNOBS": "settings of HTCondor's own that this system needs, NAME = VALUE, one a line",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What a pilot is told of the machine it runs on: its token, its folders, what holds there.

    `deadline` is the end the batch system sets, as seconds since 1970; `retire` the seconds before
    the end when no new job is taken, which predictions know only where it is left to the payload;
    `lost_wait` the seconds the pool may be away, where a machine costs by the hour; `containers`
    "no" or the site's container program, `container_setup` commands that come before it each time;
    `knobs` settings of HTCondor's own. What is empty or 0 is left to the payload.
    """

    token_file: str
    token_remove: bool = False
    work_dir: str = ""
    claim_dir: str = ""
    deadline: int = 0
    retire: int = 0
    lost_wait: int = 0
    containers: str = ""
    container_setup: tuple[str, ...] = ()
    knobs: Mapping[str, str] = field(default_factory=dict)


def render(request: Request, index: int, place: Place, restart: int = 0) -> str:
    """Return the text of pilot.conf for one pilot of a request. Deterministic; no I/O.

    Keys without a value are left out. Raises RenderError for a value the file cannot hold.
    """
    spec, size, attach = request.spec, request.spec.resources, request.spec.direct_attach
    values: dict[str, object] = {
        "FORMAT": FORMAT,
        "REQUEST_ID": request.id,
        "PILOT_INDEX": index,
        "PILOT_RESTART": restart,
        "POOL": spec.pool,
        "TOKEN_FILE": place.token_file,
        "TOKEN_REMOVE": 1 if place.token_remove else None,
        "OWNERS": ",".join(spec.owners),
        "START": spec.start,
        "LIFETIME": spec.lifetime,
        "DEADLINE": place.deadline or None,
        "RETIRE": place.retire or None,
        "GRACE": spec.grace,
        "IDLE": spec.idle_time,
        "LOST_WAIT": place.lost_wait or None,
        "WORK_DIR": place.work_dir,
        "CLAIM_DIR": place.claim_dir,
        "RUNTIME": request.runtime.where if request.runtime else None,
        "RUNTIME_SHA256": request.runtime.sha256 if request.runtime else None,
        "CPUS": size.cpus,
        "MEMORY_MB": size.memory_mb,
        "DISK_MB": size.disk_mb,
        "GPUS": size.gpus,
        "NAME": spec.name,
        "ATTACH_SCHEDD": attach.schedd if attach else None,
        "ATTACH_POOL": attach.pool if attach else None,
        "ATTACH_SUBMITTER": attach.submitter if attach else None,
        "CONTAINERS": place.containers,
        "CONTAINER_SETUP": "\n".join(map(quoting.command_line, place.container_setup)),
        "KNOBS": "".join(quoting.knob(*each) for each in place.knobs.items()).strip("\n"),
    }
    return "".join(
        quoting.conf_line(key, str(values[key]))
        for key in KEYS
        if values.get(key) not in (None, "")
    )

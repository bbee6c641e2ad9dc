"""The nouns: what a pilot is to be, what was asked for, what was seen. Frozen values, no I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from glidein.errors import ConfigError

DEFAULT_PORT = 9618
_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"({_HOST})(?::(\d{{1,5}}))?(?:\?sock=([A-Za-z0-9._-]+))?", re.ASCII)
_REQUEST_ID = re.compile(r"[a-z][a-z0-9-]{2,47}", re.ASCII)
_PILOT_NAME = re.compile(r"([a-z][a-z0-9-]{2,47})\.(\d{1,6})\.(\d{1,6})", re.ASCII)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class PoolAddress:
    """A central manager's collector: host, port and, behind a shared port, the socket's name."""

    host: str
    port: int = DEFAULT_PORT
    sock: str = ""

    @classmethod
    def parse(cls, text: str, field_name: str = "--pool") -> "PoolAddress":
        """Read HOST[:PORT][?sock=NAME]; an IPv6 address stands in brackets. Raises ConfigError."""
        found = _ADDRESS.fullmatch(text.strip())
        port = int(found[2] or DEFAULT_PORT) if found else 0
        if found is None or not 0 < port < 65536:
            raise ConfigError.one(
                field_name, f"{text!r} is no collector's address", "Write HOST[:PORT][?sock=NAME]"
            )
        return cls(found[1], port, found[3] or "")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" + (f"?sock={self.sock}" if self.sock else "")


@dataclass(frozen=True, slots=True)
class Resources:
    """What one pilot offers; None lets the pilot take what it was given where it starts.

    Cores and GPUs are counted, memory and disk are in MiB. `gpus=0` means: offer none, even
    where there are some.
    """

    cpus: int | None = None
    memory_mb: int | None = None
    disk_mb: int | None = None
    gpus: int | None = None


@dataclass(frozen=True, slots=True)
class DirectAttach:
    """A schedd that the pilot offers itself to, for pools whose collector has no negotiator."""

    schedd: str
    pool: PoolAddress
    submitter: str = ""


@dataclass(frozen=True, slots=True)
class PilotSpec:
    """What a pilot is to be, wherever it starts.

    `lifetime` and `idle_time` are seconds; the life counts from the pilot's own start. Without
    owners the pilot runs jobs of its token's subject only; there is no pilot for everybody.
    `start` is a further ClassAd expression that a job must satisfy. `name` is what TargetAnnexName
    of a job refers to. `grace` is how long jobs may go on after the pilot was told to leave.
    """

    pool: PoolAddress
    owners: tuple[str, ...] = ()
    start: str = ""
    resources: Resources = field(default_factory=Resources)
    lifetime: int = 12 * 3600
    idle_time: int = 1200
    grace: int = 60
    name: str = ""
    direct_attach: DirectAttach | None = None


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """The HTCondor release a pilot is to use: a folder, a tarball or its URL, and its SHA-256."""

    where: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What a provider starts and cancels, under an id of ours: one or more pilots of one spec.

    `options` are the provider's own words (queue, project, flavor): they stand in the ledger, so
    that a launch repeated after a crash asks for the same thing.
    """

    id: str
    provider: str
    spec: PilotSpec
    created: datetime
    pilots: int = 1
    runtime: RuntimeChoice | None = None
    options: Mapping[str, str] = field(default_factory=dict)


class RequestState(StrEnum):
    """Where a request is. LOST: it was asked for and can no longer be found, nor did it end."""

    INTENDED = "intended"
    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"


class PilotState(StrEnum):
    """Where a pilot is. NEVER_JOINED: it ended before the pool knew it. LOST: no word, no end."""

    STARTING = "starting"
    JOINED = "joined"
    IDLE = "idle"
    BUSY = "busy"
    DRAINING = "draining"
    ENDED = "ended"
    NEVER_JOINED = "never joined"
    LOST = "lost"


@dataclass(frozen=True, slots=True, order=True)
class PilotName:
    """A pilot's name: request id, index within the request, how often it was restarted.

    As text it is ID.INDEX.RESTART; so it stands in the slot's ad and in every report.
    """

    request_id: str
    index: int = 0
    restart: int = 0

    @classmethod
    def parse(cls, text: str) -> "PilotName | None":
        """Read a pilot's name out of a startd's or slot's name; None if there is none in it."""
        for part in text.split("@"):
            if found := _PILOT_NAME.fullmatch(part):
                return cls(found[1], int(found[2]), int(found[3]))
        return None

    def __str__(self) -> str:
        return f"{self.request_id}.{self.index}.{self.restart}"


PASS, WARN, FAIL = "PASS", "WARN", "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: PASS, WARN or FAIL of one named thing, in words, with a remedy."""

    verdict: str
    subject: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f" | {self.remedy}" if self.remedy else ""
        return f"{self.verdict} {self.subject}: {self.message}{remedy}"


def new_request_id(now: datetime, entropy: bytes) -> str:
    """Return a fresh request id: `g`, UTC to the second, and 50 bits of `entropy` (7 bytes)."""
    number = int.from_bytes(entropy[:7], "big")
    tail = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(0, 50, 5))
    return f"g{now:%Y%m%d-%H%M%S}-{tail}"


def checked_request_id(text: str, field_name: str = "request") -> str:
    """Return `text` if it has the form of a request id, else raise ConfigError."""
    if not _REQUEST_ID.fullmatch(text):
        raise ConfigError.one(
            field_name, f"{text!r} is no request id", "See the ids with: glidein list"
        )
    return text


@dataclass(frozen=True, slots=True)
class SeenPilot:
    """A pilot as a provider sees it where it runs."""

    name: PilotName
    state: PilotState
    detail: str = ""
    report: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request as a provider sees it: state, why, the provider's own id, its pilots.

    `facts` are particulars in the provider's own words, as JSON knows them: the site's estimated
    start, a server's status, a machine's name.
    """

    id: str
    state: RequestState
    remote_id: str = ""
    reason: str = ""
    created: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    pilots: tuple[SeenPilot, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a provider holds of ours. An incomplete listing proves no absence, ever."""

    complete: bool
    requests: tuple[SeenRequest, ...] = ()
    why: str = ""

    def find(self, request_id: str) -> SeenRequest | None:
        """Return the request of that id, or None."""
        return next((seen for seen in self.requests if seen.id == request_id), None)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a provider could start now for a spec: how many pilots, of what size, at what price.

    `resources` are those one pilot would have. `price` is in `currency` per pilot and hour; None
    where nothing is charged or known. `reason` says what bounds `pilots`.
    """

    pilots: int
    resources: Resources
    reason: str = ""
    price: float | None = None
    currency: str = ""

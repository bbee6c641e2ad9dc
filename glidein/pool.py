"""The pool's door: it asks by htcondor2, and only in a process of its own.

HTCondor's bindings block while they wait, keep one configuration and one set of security sessions
per process, and end the process when they find their configuration wanting. So each Pool keeps
a helper process (glidein.poolhelper), with its own environment, asks it in lines of JSON
and ends it when it is late. Nothing global changes here, nothing can hang longer than the
time-out, and two pools never share a credential. The helper sees token files by path only.

What comes back is ClassAd text; glidein.matching reads it.
"""

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from glidein import demand, matching, quoting, tokenfile
from glidein.demand import Demand, Totals
from glidein.errors import AuthError, ConfigError, GlideinError, ObservationError
from glidein.matching import Ad
from glidein.model import PoolAddress
from glidein.process import CommandError, Conversation

_HOST_CONFIG = ("/etc/condor/condor_config", "/usr/local/etc/condor_config")
# Whatever the job, an aggregate passes: the schedd tries the constraint on its aggregates too.
_AGGREGATE = "JobCount =!= undefined && GlobalJobId =?= undefined"
_LOG_TIME = re.compile(r"^\d+/\d+/\d+ \d+:\d+:\d+ ")
_MOST_SHAPES = 20_000
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Access:
    """How a pool is spoken to. All defaults: as the user's own HTCondor commands would.

    `token_file` is the one token to show; `token_dir` a folder of them. `config` is an HTCondor
    configuration to read; without it the environment's or the host's, if there is one, else none
    is needed. `settings` are further HTCondor settings. `timeout` bounds every question, seconds;
    `deadline`, by the monotonic clock, bounds all of them together.
    """

    token_file: Path | None = None
    token_dir: Path | None = None
    config: Path | None = None
    settings: tuple[tuple[str, str], ...] = ()
    timeout: float = 60
    deadline: float | None = None

    def patience(self) -> float:
        """Return how long the next answer may be waited for, seconds; 0 when the time is up."""
        if self.deadline is None:
            return self.timeout
        return max(0.0, min(self.timeout, self.deadline - time.monotonic()))


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon as the collector knows it."""

    name: str
    address: str
    version: str
    heard: float | None = None
    ad: Ad | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """What a daemon said to a ping: whether it grants the level, to whom, and by what clock."""

    level: str
    granted: bool
    identity: str = ""
    trust_domain: str = ""
    clock: float | None = None
    why: str = ""


class Pool:
    """One pool, reached through its collector. Raises ObservationError or AuthError; ConfigError
    for an expression of the user's that is none.

    Nothing is connected before the first question; close() or leaving the context ends the helper.
    """

    def __init__(self, address: PoolAddress | None = None, access: Access | None = None) -> None:
        self.address = address
        self.access = access or Access()
        self._helper: Conversation | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *trouble: object) -> None:
        self.close()

    def __str__(self) -> str:
        return f"pool {self.address}" if self.address else "the pool of this host's configuration"

    def close(self) -> None:
        """End the helper and remove its folder; closed already is success."""
        if self._helper is not None:
            self._helper.close()
            self._helper = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def collector(self) -> Daemon:
        """Return the collector itself, or raise ObservationError if what answers is none."""
        found = self._daemons("Collector")
        if not found:
            raise ObservationError(f"{self}: what answers there is not a collector")
        return found[0]

    def schedds(self, names: Iterable[str] = ()) -> tuple[Daemon, ...]:
        """Return the schedds the collector knows, by name; only `names`, if any are given."""
        wanted = frozenset(names)
        return tuple(each for each in self._daemons("Schedd") if not wanted or each.name in wanted)

    def negotiator(self) -> Daemon | None:
        """Return the negotiator, or None where the collector knows none."""
        return next(iter(self._daemons("Negotiator")), None)

    def ping(self, level: str, daemon: Daemon | None = None) -> Granted:
        """Ask whether this access has an authorization level ("READ", "ADVERTISE_STARTD")."""
        address = daemon.address if daemon else self.collector().address
        answer = self._ask({"op": "ping", "address": address, "level": level})
        if "refused" in answer:
            return Granted(level, False, why=answer["refused"])
        ad = Ad(answer["ads"][0])
        clock = ad.string("Sid").split(":")[2:3]
        return Granted(
            level,
            granted=ad.value("AuthorizationSucceeded") is True,
            identity=ad.string("MyRemoteUserName"),
            trust_domain=ad.string("TrustDomain"),
            clock=float(clock[0]) if clock and clock[0].isdigit() else None,
        )

    def slots(self, constraint: str = "", attributes: Sequence[str] = ()) -> tuple[Ad, ...]:
        """Return slot ads, whole ones unless attributes are named."""
        return self._collected("Startd", constraint, attributes)

    def pilots(self, request_id: str = "", attributes: Sequence[str] = ()) -> tuple[Ad, ...]:
        """Return the slots of our pilots, of one request if it is named."""
        mine = "GlideinRequest =!= undefined"
        if request_id:
            mine = f"GlideinRequest == {quoting.classad(request_id)}"
        return self.slots(mine, attributes)

    def priorities(self) -> tuple[Ad, ...]:
        """Return what the negotiator knows of users' priorities; empty if there is none."""
        negotiator = self.negotiator()
        if negotiator is None:
            return ()
        return _ads(self._ask({"op": "priorities", "address": str(negotiator.ad)}))

    def jobs(self, constraint: str, schedd: Daemon, limit: int = 1000) -> tuple[Ad, ...]:
        """Return whole job ads, at most `limit`."""
        question = _queue_question(schedd, _checked(constraint, "constraint"), (), limit)
        return _ads(self._ask(question))

    def job(self, cluster: int, proc: int) -> tuple[Daemon, Ad] | None:
        """Return the job of that id and the schedd that has it, or None in every schedd.

        Raises ObservationError if it was not found and a schedd could not be asked.
        """
        troubles = []
        for schedd in self.schedds():
            try:
                found = self.jobs(f"ClusterId == {cluster} && ProcId == {proc}", schedd, 1)
            except (ObservationError, AuthError) as error:
                troubles.append(str(error))
                continue
            if found:
                return schedd, found[0]
        if troubles:
            raise ObservationError("; ".join(troubles))
        return None

    def totals(self, schedd: Daemon) -> Mapping[str, Totals]:
        """Count one schedd's jobs by owner and state, in the schedd."""
        attributes = ("Owner", "JobStatus", "JobUniverse")
        return demand.totals_of(self._grouped(schedd, "true", attributes, _MOST_SHAPES))

    def demand(
        self,
        schedds: Iterable[str] = (),
        unless: str = "",
        also: Sequence[str] = (),
        most: int = _MOST_SHAPES,
    ) -> Demand:
        """Return what idle jobs ask for, aggregated in the schedds.

        `unless` is an expression of jobs that are meant for others; `also` are further attributes
        to tell jobs apart by, such as those a START refers to. At most `most` shapes are fetched
        of a schedd at a time: an owner with too many of them is cut and named, and hides nobody.
        """
        rule = demand.IDLE + (f" && ({_checked(unless, 'unless')}) =!= true" if unless else "")
        attributes = (*demand.GROUP_BY, *(name for name in also if name not in demand.GROUP_BY))
        shapes, troubles, cut = [], [], set()
        wanted = tuple(schedds)
        found = self.schedds(wanted)
        troubles += [f"schedd {name} is not in the collector"
                     for name in wanted if name not in {each.name for each in found}]  # fmt: skip
        for schedd in found:
            try:
                ads, crowded = self._shapes(schedd, rule, attributes, most)
            except (ObservationError, AuthError) as error:
                troubles.append(f"schedd {schedd.name}: {error}")
                continue
            shapes += [demand.shape_of(ad, schedd.name) for ad in ads]
            cut |= crowded
        return Demand(demand.merged(shapes), tuple(troubles), tuple(sorted(cut)))

    def _shapes(
        self, schedd: Daemon, rule: str, attributes: Sequence[str], most: int
    ) -> tuple[list[Ad], set[str]]:
        """Fetch aggregates; on overflow ask again without the owners that fill the answer."""
        kept: list[Ad] = []
        crowded: set[str] = set()
        for _ in range(_ROUNDS):
            others = "".join(f" && Owner =!= {quoting.classad(name)}" for name in sorted(crowded))
            ads = self._grouped(schedd, rule + others, attributes, most)
            if len(ads) < most:
                return kept + ads, crowded
            owners = [ad.string("Owner") for ad in ads]
            heavy = {name for name in set(owners) if owners.count(name) > most // 4}
            kept += [ad for ad in ads if ad.string("Owner") in heavy][: most // 4 * len(heavy)]
            crowded |= heavy
            if not heavy:
                return kept + ads, crowded | {"(others)"}
        return kept, crowded | {"(others)"}

    def _grouped(
        self, schedd: Daemon, rule: str, attributes: Sequence[str], limit: int
    ) -> list[Ad]:
        constraint = f"({rule}) || ({_AGGREGATE})"
        question = _queue_question(schedd, constraint, attributes, limit, grouped=True)
        return list(_ads(self._ask(question)))

    def _daemons(self, kind: str) -> tuple[Daemon, ...]:
        found = (
            Daemon(
                ad.string("Name"),
                ad.string("MyAddress"),
                matching.version_of(ad.string("CondorVersion")),
                ad.number("LastHeardFrom"),
                ad,
            )
            for ad in self._collected(kind, "", ())
        )
        return tuple(sorted(found, key=lambda each: each.name))

    def _collected(self, kind: str, constraint: str, attributes: Sequence[str]) -> tuple[Ad, ...]:
        question = {"op": "collected", "pool": _sinful(self.address), "kind": kind,
                    "constraint": constraint, "attributes": list(attributes)}  # fmt: skip
        return _ads(self._ask(question))

    def _ask(self, question: Mapping[str, object]) -> dict[str, Any]:
        """Put a question to the helper, starting one if need be; map what goes wrong, once."""
        patience = self.access.patience()
        if not patience:
            raise ObservationError(f"{self}: the time is up before it could be asked")
        if self._helper is None:
            argv = [sys.executable, "-P", "-m", "glidein.poolhelper"]
            self._helper = Conversation(argv, env=self._environment())
        try:
            answer: dict[str, Any] = json.loads(self._helper.ask(json.dumps(question), patience))
        except (CommandError, ValueError) as error:
            self.close()
            raise ObservationError(f"{self}: {_reason(error)}") from error
        heard = self._helper.heard()
        if "error" in answer:
            raise _ours(str(self), answer["error"], heard)
        if "refused" in answer:
            answer["refused"] = _told(heard) or answer["refused"]
        return answer

    def _environment(self) -> dict[str, str]:
        """Return the helper's environment: the user's own, with this access's settings on top."""
        env = dict(os.environ)
        if self.access.config is not None:
            env["CONDOR_CONFIG"] = str(self.access.config)
        elif "CONDOR_CONFIG" not in env and not any(Path(path).is_file() for path in _HOST_CONFIG):
            env["CONDOR_CONFIG"] = "/dev/null"
        seconds = str(max(5, int(self.access.timeout / 2)))
        env |= {"_CONDOR_QUERY_TIMEOUT": seconds, "_CONDOR_Q_QUERY_TIMEOUT": seconds}
        folder = self.access.token_dir
        if self.access.token_file is not None:
            self._folder = tokenfile.alone(self.access.token_file)
            folder = Path(self._folder.name)
        if folder is not None:
            env["_CONDOR_SEC_TOKEN_DIRECTORY"] = str(folder)
            env["_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS"] = "IDTOKENS"
        return env | {f"_CONDOR_{name}": value for name, value in self.access.settings}


def _checked(expression: str, field: str) -> str:
    if not matching.parses(expression):
        raise ConfigError.one(field, f"{expression!r} is no ClassAd expression")
    return expression


def _ads(answer: Mapping[str, Any]) -> tuple[Ad, ...]:
    return tuple(Ad(text) for text in answer["ads"])


def _queue_question(
    schedd: Daemon, constraint: str, attributes: Sequence[str], limit: int, grouped: bool = False
) -> dict[str, object]:
    return {"op": "queue", "schedd": str(schedd.ad), "constraint": constraint,
            "attributes": list(attributes), "limit": limit, "grouped": grouped}  # fmt: skip


def _sinful(address: PoolAddress | None) -> str | None:
    return None if address is None else f"<{address}>" if address.sock else str(address)


def _reason(error: Exception) -> str:
    if not isinstance(error, CommandError):
        return "an answer that cannot be read"
    last = "".join(f" ({line})" for line in error.result.stderr.strip().splitlines()[-1:])
    return str(error).partition(": ")[2].split("\n")[0] + last


def _told(heard: str) -> str:
    """Return what HTCondor's own log lines said, without their times."""
    lines = dict.fromkeys(_LOG_TIME.sub("", line).strip() for line in heard.splitlines())
    return "; ".join(filter(None, lines))


def _ours(pool: str, said: str, heard: str) -> GlideinError:
    """Map what the bindings said into our tree; their log lines tell the cause, they do not."""
    text = "; ".join(filter(None, (" ".join(said.split()), _told(heard))))
    if "Directory name doesn't match" in text:
        return AuthError(
            f"{pool}: this pool is older than the client and cannot authenticate it by FS; "
            "show a token, or set SEC_FS_ENFORCE_CHANNEL_BINDING=False in HTCondor's configuration"
        )
    if "AUTHENTICATE" in text or "SECMAN:2010" in text or "authoriz" in text.lower():
        return AuthError(f"{pool} does not accept this credential: {text}")
    return ObservationError(f"{pool}: {text}")

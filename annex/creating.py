"""Creating an annex's request: prepare, note, token, send. What was cut off anywhere goes on.

The order is the law: nothing is sent before the ledger has it, and a request that the ledger has
is never made anew, only asked for again under the same id, which the far side takes once.
"""

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from annex import asked, live
from annex.places import Place
from annex.provider import BatchProvider
from glidein import paths, starting, tokenfile, tokens
from glidein.batchask import BatchAsk
from glidein.catalogue import Dialect, Queue
from glidein.errors import (
    AuthError,
    CapacityError,
    ConfigError,
    GlideinError,
    NotFoundError,
    ObservationError,
    Problem,
    RejectedError,
)
from glidein.ledger import Ledger, Record
from glidein.model import PilotSpec, Request, RuntimeChoice, new_request_id
from glidein.validation import validate
from slurm_templates.planning import Target

Say = Callable[[str], None]
TOKEN = "token"  # noqa: S105 - a file's name in the request's folder of the ledger
WAIT = 3 * 86400  # seconds that a request may wait in a queue before its token ends
_ROOM = 4  # MiB for script, logs and what else lies in a request's place


@dataclass(frozen=True, slots=True)
class Plan:
    """What create is to do. `runtime` is a tarball here, with its checksum, or a place there.

    `token` is the file to use; None has one fetched for this request alone.
    """

    place: Place
    target: Target
    ask: BatchAsk
    spec: PilotSpec
    runtime: RuntimeChoice
    token: Path | None = None
    wait: int = WAIT

    def options(self) -> dict[str, str]:
        """Return what goes into the request's options."""
        return asked.options(self.ask, str(self.target)) | self.place.options()


@dataclass(frozen=True, slots=True)
class _Sender:
    """A provider that takes the runtime along with the request."""

    provider: BatchProvider
    blob: Path | None

    @property
    def name(self) -> str:
        return self.provider.name

    def launch(self, request: Request, token: Path) -> str:
        return self.provider.launch(request, token, self.blob)


def create(plan: Plan, ledger: Ledger, provider: BatchProvider, say: Say) -> tuple[Request, str]:
    """Make the request and send it; return it and its batch job's id."""
    say(f"logging in to {plan.place.login}")
    answer = provider.prepare(_travels(plan.runtime))
    _settle_live(plan, answer)
    runtime, blob = _runtime(plan.runtime, answer)
    _check_room(answer, blob, plan.place)
    now = datetime.now(UTC)
    request = Request(
        new_request_id(now, secrets.token_bytes(7)), plan.place.provider, plan.spec, now,
        plan.ask.pilots, runtime, plan.options(),
    )  # fmt: skip
    ledger.intend(request)
    return request, _send(plan, ledger, provider, request, blob, say)


def judge(plan: Plan, provider: BatchProvider) -> None:
    """Raise what create would raise once it is connected; starts nothing."""
    answer = provider.prepare(_travels(plan.runtime))
    _settle_live(plan, answer)
    _, blob = _runtime(plan.runtime, answer)
    _check_room(answer, blob, plan.place)


def resume(
    plan: Plan, record: Record, ledger: Ledger, provider: BatchProvider, say: Say
) -> tuple[Request, str]:
    """Ask again for a request that a create was cut off over; return as create does.

    Raises ConfigError when what is asked for now is something else.
    """
    request = record.request
    if (request.options, request.spec, request.pilots) != (
        plan.options(), plan.spec, plan.ask.pilots,
    ):  # fmt: skip
        raise ConfigError.one(
            "NAME", f"request {request.id} of this annex was begun with other options",
            "Repeat the line it was begun with, or remove it: annex shutdown",
        )  # fmt: skip
    say(f"going on with request {request.id}; logging in to {plan.place.login}")
    answer = provider.prepare(_travels(plan.runtime))
    _, blob = _runtime(plan.runtime, answer)
    return request, _send(plan, ledger, provider, request, blob, say)


def _send(
    plan: Plan, ledger: Ledger, provider: BatchProvider, request: Request, blob: Path | None,
    say: Say,
) -> str:  # fmt: skip
    token = plan.token or _own_token(plan, ledger.folder / request.id / TOKEN, say)
    if blob is not None:
        say(f"sending HTCondor along, {blob.stat().st_size / 1e6:.0f} MB, once for this system")
    say(f"submitting {request.id} to {plan.target}")
    try:
        remote = starting.ask(ledger, _Sender(provider, blob), request, token)
    except RejectedError:
        # Asked for again it would be refused again: a create with better options is another one.
        with suppress(GlideinError):
            provider.cancel(request.id, fast=True)
        ledger.append(request.id, "cancelled", datetime.now(UTC), reason="refused")
        forget_token(ledger, request.id)
        raise
    forget_token(ledger, request.id)
    return remote


@contextmanager
def alone(ledger: Ledger, name: str) -> Iterator[None]:
    """Hold an annex's name, so that of two creates at one moment one finds what the other made.

    Raises ConfigError where another create holds it. A home that knows no locks goes without.
    """
    paths.private_folder(ledger.folder)
    # One file for all names: each is a byte of it, of which nothing has to be there.
    place = int(hashlib.sha256(name.encode()).hexdigest()[:12], 16)
    descriptor = os.open(ledger.folder / ".annex-locks", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except (BlockingIOError, PermissionError):
        os.close(descriptor)
        remedy = "Wait for it, or look with: annex status"
        raise ConfigError.one("NAME", f"another create of {name!r} runs now", remedy) from None
    except OSError:
        pass
    try:
        yield
    finally:
        os.close(descriptor)


def forget_token(ledger: Ledger, request_id: str) -> None:
    """Remove the token that lay beside a request until it was sent."""
    with suppress(OSError):
        (ledger.folder / request_id / TOKEN).unlink()


def _settle_live(plan: Plan, answer: Mapping[str, str]) -> None:
    """Raise ConfigError when the system itself allows less than what is asked for."""
    queue = _live_queue(plan.target, answer)
    problems = validate(plan.ask, plan.target.system, queue)
    accounts = live.site(answer).accounts if _is_slurm(plan.target) else frozenset()
    if plan.ask.project and accounts and plan.ask.project.lower() not in map(str.lower, accounts):
        said = f"{plan.place.login} has no account {plan.ask.project!r} of yours"
        problems.append(Problem("--project", said, f"Yours there: {', '.join(sorted(accounts))}"))
    if problems:
        raise ConfigError(tuple(problems))


def _live_queue(target: Target, answer: Mapping[str, str]) -> Queue:
    """Return the queue with the limits that the system tells, where it does."""
    if not _is_slurm(target):
        return target.queue
    return live.preferred(target.queue, target.system, live.site(answer))


def _is_slurm(target: Target) -> bool:
    return target.system.dialect is Dialect.SLURM


def _travels(runtime: RuntimeChoice) -> str:
    """Return the checksum of a runtime that is here and has to be there; empty for another."""
    return runtime.sha256 if runtime.where.startswith("/") else ""


def _runtime(
    runtime: RuntimeChoice, answer: Mapping[str, str]
) -> tuple[RuntimeChoice, Path | None]:
    """Return the runtime as it is there, and the file to send along if it is not there yet."""
    if not _travels(runtime):
        return runtime, None
    place = f"{answer.get('runtimes', '').strip()}/{runtime.sha256}.tar.gz"
    there = "here" in answer.get("runtime", "")
    return RuntimeChoice(place, runtime.sha256), None if there else Path(runtime.where)


def _check_room(answer: Mapping[str, str], blob: Path | None, place: Place) -> None:
    """Raise CapacityError when the far home folder cannot hold what is sent, as far as df tells."""
    lines = [line.split() for line in answer.get("room", "").splitlines()]
    if not lines or len(lines[0]) < 4 or not lines[0][3].isdigit():
        return
    free = int(lines[0][3]) // 1024
    needed = _ROOM + (blob.stat().st_size // (1 << 20) if blob else 0)
    if free < needed:
        said = f"the home folder on {place.login} has {free} MiB left, {needed} are needed"
        raise CapacityError(f"{said}; make room there, or set XDG_CACHE_HOME in its login profile")
    if len(lines) > 1 and len(lines[1]) > 3 and lines[1][3].isdigit() and int(lines[1][3]) < 50:
        raise CapacityError(
            f"the home folder on {place.login} can hold {lines[1][3]} more files; remove some there"
        )


def _own_token(plan: Plan, kept: Path, say: Say) -> Path:
    """Return the token that lies beside the request, fetched if there is none that is good."""
    with suppress(ConfigError):
        return tokenfile.checked(kept)
    from glidein import runtime

    say("fetching a token for this request alone")
    try:
        found = runtime.find()
    except NotFoundError:
        found = runtime.get(progress=say)
    seconds = tokens.lifetime(plan.wait, plan.ask.lifetime)
    troubles: list[GlideinError] = []
    for pool in (plan.spec.pool, None):
        try:
            tokens.write(tokens.fetch(found, pool, seconds), kept)
            return tokenfile.checked(kept)
        except (AuthError, ObservationError) as error:
            troubles.append(error)
    said = "; ".join(dict.fromkeys(map(str, troubles)))
    raise AuthError(f"no token could be fetched: {said}; name one with --token-file")


def patience(token: Path, spec: PilotSpec) -> timedelta | None:
    """Return how long a request may wait before its token cannot last for its pilots' life."""
    ends = tokens.read_file(token).expires
    if ends is None:
        return None
    return ends - datetime.now(UTC) - timedelta(seconds=spec.lifetime)

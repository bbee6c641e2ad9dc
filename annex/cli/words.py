"""From the options of `glidein slurm` to a request: every problem at once, nothing started."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from annex import asked, live
from annex.provider import BatchProvider
from annex.slurm_dialect import SlurmDialect
from annex.transport import LocalTransport
from glidein import asking, catalogue, paths, starting, tokenfile
from glidein.batchask import AskWords, read_ask
from glidein.catalogue import Catalogue, Dialect, Queue
from glidein.cli import output
from glidein.errors import ConfigError, GlideinError
from glidein.ledger import Ledger
from glidein.model import Request, RuntimeChoice, new_request_id
from glidein.validation import validate
from slurm_templates.planning import Target

HERE = "batch:local"
_IDLE = 1200


@dataclass(frozen=True, slots=True)
class Given:
    """The options as typed; empty means not given."""

    target: str
    pool: str
    nodes: str
    jobs: str
    cpus: str
    memory: str
    gpus: str
    gpu_type: str
    lifetime: str
    idle_time: str
    project: str
    owners: Sequence[str]
    start: str
    grace: str
    name: str
    token_file: str
    runtime: str
    sha256: str
    sbatch: Sequence[str]
    requeue: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be submitted, known to be right as far as can be known here."""

    request: Request
    target: Target
    token: Path
    dialect: SlurmDialect

    def script(self) -> str:
        """Return the batch script."""
        return self.dialect.script(self.request)

    def submit(self) -> str:
        """Note the request and submit it; return the batch job's id."""
        return starting.start(Ledger(), provider(self.dialect), self.request, self.token)


def provider(dialect: SlurmDialect | None = None) -> BatchProvider:
    """Return the Slurm that this machine submits to."""
    return BatchProvider(HERE, dialect or SlurmDialect(catalogue.load()), LocalTransport())


def order(given: Given, *, sending: bool) -> Order:
    """Return what the options ask for. Raises ConfigError with all that is wrong.

    A retired queue can be rendered for, but nothing is sent to it.
    """
    problems = asking.Problems()
    known = catalogue.load()
    ask = replace(read_ask(_ask_words(given), problems), requeue=given.requeue)
    idle = given.idle_time or str(min(_IDLE, ask.lifetime))
    spec = asking.spec(_spec_words(given, ask.lifetime, idle), problems)
    target = problems.take(lambda: _target(given.target, known), None)
    if target is not None:
        queue = _live(target) if sending else target.queue
        problems.found += validate(ask, target.system, queue)
        problems.found += catalogue.retirement(target.system, target.queue) if sending else []
    token = problems.take(lambda: tokenfile.find(given.token_file), Path())
    chosen = _runtime(given, problems, here=sending)
    problems.settle()
    assert target is not None  # noqa: S101 - settle has raised otherwise
    now = datetime.now(UTC)
    identifier = new_request_id(now, secrets.token_bytes(7))
    runtime = chosen or _packed()
    options = asked.options(ask, str(target)) | {"token": str(token)}
    request = Request(identifier, HERE, spec, now, ask.pilots, runtime, options)
    return Order(request, target, token, SlurmDialect(known))


def _packed() -> RuntimeChoice:
    from annex import staging  # it can fetch, pack and check runtimes, so it loads much

    return staging.packed(output.progress)


def _target(text: str, known: Catalogue) -> Target:
    target = Target(*catalogue.parse_target(text, known))
    if target.system.dialect is not Dialect.SLURM:
        raise ConfigError.one("QUEUE@SYSTEM", f"{target.system.title} has no Slurm")
    return target


def _live(target: Target) -> Queue:
    """Return the queue with the limits that Slurm itself tells, where it does."""
    try:
        now = live.site(provider().facts())
    except GlideinError as error:
        output.progress(f"limits are the catalogue's: {error}")
        return target.queue
    return live.preferred(target.queue, target.system, now)


def _ask_words(given: Given) -> AskWords:
    return AskWords(
        nodes=given.nodes,
        jobs=given.jobs,
        cpus=given.cpus,
        memory=given.memory,
        gpus=given.gpus,
        gpu_type=given.gpu_type,
        lifetime=given.lifetime,
        idle_time=given.idle_time,
        project=given.project,
        options=given.sbatch,
    )


def _spec_words(given: Given, lifetime: int, idle: str = "") -> asking.Words:
    """Return the words about the pilots; their size is what Slurm grants, so it is not named."""
    return asking.Words(
        pool=given.pool,
        owners=given.owners,
        start=given.start,
        lifetime=str(max(lifetime, asking.LEAST_LIFE)),
        idle_time=idle,
        grace=given.grace,
        name=given.name,
        runtime=given.runtime,
        sha256=given.sha256,
    )


def _runtime(given: Given, problems: asking.Problems, *, here: bool) -> RuntimeChoice | None:
    """Return the HTCondor that was named. What is rendered may be for another machine's files."""
    words = _spec_words(given, asking.LEAST_LIFE)
    if here or not given.runtime or "://" in given.runtime:
        return asking.runtime(words, problems)
    asking.runtime(replace(words, runtime="http://elsewhere/"), problems)  # judges the checksum
    path = problems.take(lambda: paths.given(given.runtime, "--runtime"), Path("/"))
    return RuntimeChoice(str(path), given.sha256.lower())

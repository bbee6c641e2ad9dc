"""From the options of `glidein slurm` to a request: every problem at once, nothing started."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from annex import asked, live
from annex.cli.drafting import Given, draft
from annex.provider import BatchProvider
from annex.slurm_dialect import SlurmDialect
from annex.transport import LocalTransport
from glidein import asking, catalogue, starting, tokenfile
from glidein.catalogue import Dialect, Queue
from glidein.cli import output
from glidein.errors import GlideinError
from glidein.ledger import Ledger
from glidein.model import Request, RuntimeChoice, new_request_id
from glidein.validation import validate
from slurm_templates.planning import Target

HERE = "batch:local"


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
    asks = draft(given, problems, known, here=sending)
    target = asks.target
    if target is not None and target.system.dialect is not Dialect.SLURM:
        problems.add("QUEUE@SYSTEM", f"{target.system.title} has no Slurm")
        target = None
    if target is not None:
        queue = _live(target) if sending else target.queue
        problems.found += validate(asks.ask, target.system, queue)
        problems.found += catalogue.retirement(target.system, target.queue) if sending else []
    token = problems.take(lambda: tokenfile.find(given.token_file), Path())
    problems.settle()
    assert target is not None  # noqa: S101 - settle has raised otherwise
    now = datetime.now(UTC)
    identifier = new_request_id(now, secrets.token_bytes(7))
    options = asked.options(asks.ask, str(target)) | {"token": str(token)}
    runtime = asks.runtime or _packed()
    request = Request(identifier, HERE, asks.spec, now, asks.ask.pilots, runtime, options)
    return Order(request, target, token, SlurmDialect(known))


def _packed() -> RuntimeChoice:
    from annex import staging  # it can fetch, pack and check runtimes, so it loads much

    return staging.packed(output.progress)


def _live(target: Target) -> Queue:
    """Return the queue with the limits that Slurm itself tells, where it does."""
    try:
        now = live.site(provider().facts())
    except GlideinError as error:
        output.progress(f"limits are the catalogue's: {error}")
        return target.queue
    return live.preferred(target.queue, target.system, now)

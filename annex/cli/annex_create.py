"""`annex create` and `annex add`: pilots on a far system, under a name that jobs can ask for."""

import shlex
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from annex.cli import options
from glidein.cli import output

if TYPE_CHECKING:
    from annex.creating import Plan
    from annex.provider import BatchProvider
    from glidein.ledger import Ledger
    from glidein.model import Request, SeenRequest
    from glidein.requests import Row

_OLD = ("tmp_dir", "password_file")


def create(
    ctx: typer.Context,
    name: str = typer.Argument(..., metavar="NAME", help="What TargetAnnexName of a job says."),
    target: str = typer.Argument("", metavar="[QUEUE@SYSTEM]", help="See: annex systems."),
    nodes: str = options.NODES,
    jobs: str = options.JOBS,
    lifetime: str = options.LIFETIME,
    project: str = options.PROJECT,
    pool: str = options.POOL,
    token_file: str = options.TOKEN,
    cpus: str = options.CPUS,
    memory: str = options.MEMORY,
    gpus: str = options.GPUS,
    gpu_type: str = options.GPU_TYPE,
    idle_time: str = typer.Option(
        "",
        "--idle-time",
        "--startd-noclaim-shutdown",
        help="How long without a job before a pilot leaves. Without it: 5m.",
    ),
    owners: list[str] = typer.Option([], help="Whose jobs may run. Without it: yours."),
    login_name: str = typer.Option("", "--login-name", "--login", help="Your user name there."),
    login_host: str = typer.Option("", "--login-host", "--host", help="The host to log in to."),
    start: str = options.START,
    grace: str = options.GRACE,
    runtime: str = typer.Option("", help="The HTCondor to use: a tarball, or its URL."),
    sha256: str = options.SHA256,
    sbatch: list[str] = options.SBATCH,
    requeue: bool = options.REQUEUE,
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask whether it may cost that."),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Say what would be done and show the batch script; start nothing."
    ),
    live: bool = typer.Option(
        False, "--live", help="Let the system itself judge the limits, not the catalogue."
    ),
    no_wait: bool = typer.Option(False, "--no-wait", help="Come back once it is submitted."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    tmp_dir: str = options.OLD,
    password_file: str = options.OLD,
    test: str = typer.Option("", hidden=True, help="As --dry-run, for those who know it so."),
) -> None:
    """Start pilots on a far system over SSH, and wait until they have joined the pool.

    Jobs that name the annex in TargetAnnexName run there, and nobody else's. Repeated after it was
    cut off, create goes on where it was and submits nothing twice. The exit code is 2, and nothing
    was started, when an option is wrong.
    """
    told = {key: value for key, value in locals().items() if key != "ctx"}
    plan = _plan(told)
    if dry_run or test:
        _show(plan, live=live)
    else:
        _go(plan, adding=ctx.info_name == "add", yes=yes, wait=not no_wait, as_json=as_json)


def _plan(told: dict[str, Any]) -> "Plan":
    """Return what the options ask for."""
    from annex import knobs
    from annex.cli import annex_words, drafting

    for word in [each for each in _OLD if told[each]]:
        output.progress(f"note: --{word.replace('_', '-')} has no meaning any more, and is ignored")
    kept = drafting.Given.__dataclass_fields__
    given = drafting.Given(**{key: value for key, value in told.items() if key in kept})
    login = annex_words.Login(told["login_host"], told["login_name"])
    dry = told["dry_run"] or bool(told["test"])
    return annex_words.plan(given, login, knobs.read(), live=told["live"], dry=dry)


def _go(plan: "Plan", *, adding: bool, yes: bool, wait: bool, as_json: bool) -> None:
    from annex import creating
    from glidein.ledger import Ledger

    ledger = Ledger()
    with creating.alone(ledger, plan.spec.name):
        request, remote, provider = _send(plan, ledger, adding=adding, yes=yes)
    try:
        seen = _follow(ledger, provider, request, remote) if wait else None
    finally:
        provider.close()
    _end(plan, request, remote, seen, as_json=as_json)


def _send(
    plan: "Plan", ledger: "Ledger", *, adding: bool, yes: bool
) -> "tuple[Request, str, BatchProvider]":
    """Send the request, or go on with the one that was begun; its connection stays open."""
    from annex import annexes, creating, farproviders
    from glidein import catalogue, requests

    rows, troubles = requests.join(ledger, {})
    for trouble in troubles:
        output.progress(f"glidein: {output.printable(trouble)}")
    begun = annexes.unfinished(annexes.of_name(rows, plan.spec.name), plan.place.provider)
    if begun is None or begun.record is None:
        annexes.refuse_taken(rows, plan.spec.name, adding=adding)
        _agree(plan, yes=yes)
    provider = farproviders.of_place(plan.place, catalogue.load())
    try:
        if begun is not None and begun.record is not None:
            sent = creating.resume(plan, begun.record, ledger, provider, output.progress)
        else:
            sent = creating.create(plan, ledger, provider, output.progress)
    except BaseException:
        provider.close()
        raise
    return (*sent, provider)


def _agree(plan: "Plan", *, yes: bool) -> None:
    """Ask on a terminal, with what it may cost at most; a script has said so by being one."""
    from annex.annexes import node_hours
    from glidein.errors import ConfigError

    hours = node_hours(plan.ask.pilots, plan.ask.lifetime)
    output.progress(_words(plan) + f", at most {hours:.2f} node-hours" + _charged(plan))
    _mention_token(plan)
    if yes or not sys.stdin.isatty():
        return
    if not typer.confirm("Go on?", err=True):
        raise ConfigError.one("annex", "not created then, nothing was started")


def _mention_token(plan: "Plan") -> None:
    """Say how long the request may wait in a queue, where the token given sets an end to that."""
    from annex import creating
    from glidein import quantities

    left = creating.patience(plan.token, plan.spec) if plan.token else None
    if left is None:
        return
    if left.total_seconds() < 0:
        output.progress("note: the token ends before the pilots' life does; give a longer one")
    else:
        span = quantities.show_seconds(left.total_seconds())
        output.progress(f"with this token it may wait in the queue for {span}, and no longer")


def _words(plan: "Plan") -> str:
    from glidein import quantities

    count = f"{plan.ask.pilots} pilot{'s' * (plan.ask.pilots > 1)}"
    span = quantities.show_seconds(plan.ask.lifetime)
    return f"annex {plan.spec.name}: {count} on {plan.target} for {span}"


def _charged(plan: "Plan") -> str:
    return f", charged to {plan.ask.project}" if plan.ask.project else ""


def _follow(
    ledger: "Ledger", provider: "BatchProvider", request: "Request", remote: str
) -> "SeenRequest":
    from annex import joining

    output.progress(f"batch job {remote} is request {request.id}; waiting for its pilots")
    try:
        return joining.follow(ledger, provider, request.id, output.progress)
    except KeyboardInterrupt:
        name = shlex.quote(request.spec.name)
        output.progress(
            f"\nnobody waits any more; request {request.id} goes on as batch job {remote}\n"
            f"where it is:  annex status {name} --refresh\nremove it:    annex shutdown {name}"
        )
        raise typer.Exit(130) from None


def _end(
    plan: "Plan", request: "Request", remote: str, seen: "SeenRequest | None", *, as_json: bool
) -> None:
    from annex.joining import joined
    from glidein.model import RequestState

    if as_json:
        state = seen.state if seen else RequestState.QUEUED
        output.print_json(
            {"annex": plan.spec.name, "request": request.id, "batch_job": remote, "state": state,
             "joined": joined(seen) if seen else 0, "asked": request.pilots}
        )  # fmt: skip
    else:
        print(request.id)
    name = shlex.quote(request.spec.name)
    output.progress(f"its jobs say:  annex target {name} JOB.sub")
    output.progress(f"end it:        annex shutdown {name}")
    if seen is not None and not joined(seen):
        raise typer.Exit(1)


def _show(plan: "Plan", *, live: bool) -> None:
    """Print what create would do, and what it would send; with `live` ask the system too."""
    from annex import creating, farproviders
    from glidein import catalogue
    from glidein.model import Request

    output.progress(_words(plan) + _charged(plan) + f", by way of {plan.place.login}; a dry run")
    if live:
        provider = farproviders.of_place(plan.place, catalogue.load())
        try:
            creating.judge(plan, provider)
        finally:
            provider.close()
    request = Request("g20000101-000000-dryrun0000", plan.place.provider, plan.spec,
                      datetime.now(UTC), plan.ask.pilots, plan.runtime, plan.options())  # fmt: skip
    words = farproviders.words_of(plan.place, catalogue.load())
    for name, file in sorted(words.files(request).items()):
        if name != "pilot.sh":
            print(f"# --- {name}")
            print(file.content.decode(), end="")


def rows_of(name: str) -> "tuple[Row, ...]":
    """Return an annex's requests as the ledger has them. Raises NotFoundError."""
    from annex import annexes
    from glidein import requests
    from glidein.ledger import Ledger

    return annexes.find(requests.join(Ledger(), {})[0], name)

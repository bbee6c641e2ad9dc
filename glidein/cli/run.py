"""`glidein run`: a pilot on this machine, in the foreground or left to itself."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from glidein.cli import output

if TYPE_CHECKING:
    from glidein.asking import Problems
    from glidein.host import HostProvider
    from glidein.ledger import Ledger
    from glidein.model import PilotSpec, Request, RuntimeChoice

app = typer.Typer()


@app.command(
    epilog="Example: glidein run --detach --pool cm.example.org --owners alice --cpus 4 "
    "--memory 16GB --lifetime 8h --token-file ~/token"
)
def run(
    pool: str = typer.Option("", help="HOST[:PORT][?sock=NAME] of the pool's collector."),
    owners: list[str] = typer.Option(
        [], help="Whose jobs may run; commas or repeated. Without it: the token's subject."
    ),
    cpus: str = typer.Option("", help="Cores to offer. Without it: the whole machine, if agreed."),
    memory: str = typer.Option("", help="Memory to offer: 64GB, or MiB. Without it: all given."),
    gpus: str = typer.Option("", help="GPUs to offer; 0 for none. Without it: all given."),
    lifetime: str = typer.Option("12h", help="How long the pilot lives: 2h, 90m, seconds."),
    idle_time: str = typer.Option("20m", help="How long without a job before it leaves."),
    grace: str = typer.Option("60", help="How long jobs may go on once it is told to leave."),
    token_file: str = typer.Option(
        "", help="The pool's token, mode 0600. Without it: the only one in ~/.condor/tokens.d."
    ),
    start: str = typer.Option("", help="A further ClassAd expression that jobs must satisfy."),
    name: str = typer.Option("", help="What TargetAnnexName of a job refers to."),
    runtime: str = typer.Option("", help="The HTCondor to use: folder, tarball or URL."),
    sha256: str = typer.Option("", help="What the tarball's SHA-256 must be."),
    work_dir: str = typer.Option("", help="Where the pilot works. Without it: the best of /tmp."),
    detach: bool = typer.Option(False, "--detach", help="Come back once the pilot runs."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask before taking all cores."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON about it at the end."),
) -> None:
    """Start a pilot on this machine; it runs its owners' jobs and leaves by itself.

    In the foreground its lines are shown as they come; Ctrl-C asks it to leave, a second one to
    leave at once, and the exit code is the pilot's. With --detach it goes on alone. The exit code
    is 2, and nothing was started, when an option is wrong.
    """
    from glidein import asking, tokenfile

    problems = asking.Problems()
    _refuse_root(problems)
    words = asking.Words(
        pool, owners, start, cpus, memory, gpus, lifetime, idle_time, grace, name, runtime, sha256
    )
    spec = asking.spec(words, problems)
    chosen = asking.runtime(words, problems)
    token = problems.take(lambda: tokenfile.find(token_file), Path())
    folder = _work_folder(work_dir, problems)
    provider = _provider(folder)
    _check_size(provider, spec, problems)
    whole = not cpus and not yes
    if whole and not sys.stdin.isatty():
        problems.add(
            "--cpus", "is missing, and all cores would be taken", "Give --cpus N, or --yes"
        )
    problems.settle()
    if whole:
        _agree()
    _mention_end_of(token, spec.lifetime)
    request = _request(spec, chosen)
    _go(provider, request, token, detach=detach, as_json=as_json)


def _refuse_root(problems: "Problems") -> None:
    import os

    if os.geteuid() == 0:
        problems.add(
            "user", "HTCondor runs no pilot as root", "Run it as an ordinary user: su - USER"
        )


def _work_folder(text: str, problems: "Problems") -> Path | None:
    import os

    from glidein import asking, paths

    asking.held(str(paths.state()), "XDG_STATE_HOME", problems)  # the pilot's token lies there
    if not text:
        return None
    path = problems.take(lambda: paths.given(text, "--work-dir"), Path("/"))
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        problem = f"{str(path)!r} is no folder that you can write to"
        problems.add("--work-dir", problem, "Make it, or name another")
    asking.held(str(path), "--work-dir", problems)
    return path


def _provider(work_dir: Path | None) -> "HostProvider":
    from glidein.host import HostProvider

    return HostProvider(work_dir=work_dir)


def _check_size(provider: "HostProvider", spec: "PilotSpec", problems: "Problems") -> None:
    from contextlib import suppress

    from glidein.errors import TransientError
    from glidein.host import check

    found = check.gpus()
    if found is not None and (spec.resources.gpus or 0) > found:
        there = f"{spec.resources.gpus} were asked for, a pilot would find {found} here"
        problems.add("--gpus", there, f"Give --gpus {found}, or look with nvidia-smi")
    if over := check.beyond(spec.resources):
        for each in over:
            problems.add(*each)
    if problems.found:
        return
    with suppress(TransientError):  # a state folder that cannot be read: the ledger says it next
        free = provider.offer(spec)
        if free.pilots < 1:
            output.progress(f"note: pilots run here already; {free.reason}")


def _agree() -> None:
    from glidein.errors import ConfigError
    from glidein.host import check

    cores = check.machine().cpus
    if not typer.confirm(f"Take all {cores} cores of this machine?", err=True):
        raise ConfigError.one("--cpus", "not the whole machine then", "Give --cpus N")


def _mention_end_of(token: Path, lifetime: int) -> None:
    """Say it now where the pilot outlives its token: detached, nobody reads its log."""
    from datetime import UTC, datetime, timedelta

    from glidein import tokens

    ends = tokens.read_file(token).expires
    if ends is not None and ends < datetime.now(UTC) + timedelta(seconds=lifetime):
        what = f"note: the token ends at {output.moment(ends)}, before the pilot's life does"
        output.progress(f"{what}; make a longer one: glidein token create")


def _request(spec: "PilotSpec", chosen: "RuntimeChoice | None") -> "Request":
    import secrets
    from datetime import UTC, datetime

    from glidein.model import Request, new_request_id

    now = datetime.now(UTC)
    identifier = new_request_id(now, secrets.token_bytes(7))
    return Request(identifier, "host", spec, now, runtime=chosen)


def _go(
    provider: "HostProvider", request: "Request", token: Path, *, detach: bool, as_json: bool
) -> None:
    from glidein import starting
    from glidein.host import following
    from glidein.ledger import Ledger

    ledger = Ledger()
    starting.forget_old(ledger, provider)
    signals = following.Signals()
    with signals.heard():
        remote = starting.start(ledger, provider, request, token)
        log = provider.seats(request.id)[0].log
        if detach:
            _say_detached(request.id, remote, log, as_json=as_json)
            return
        output.progress(f"request {request.id}, process {remote}, log {log}")
        show = output.progress if as_json else _print
        try:
            code = following.follow(provider, request.id, signals, show, output.progress)
        except OSError as error:
            said = f"its lines cannot be shown any more ({error.strerror}), the pilot goes on"
            output.progress(f"{said}; stop it: glidein stop {request.id}")
            raise
        _note_end(ledger, provider, request.id)
    if as_json:
        output.print_json({"request": request.id, "exit_code": code, "log": log})
    raise typer.Exit(code)


def _note_end(ledger: "Ledger", provider: "HostProvider", request_id: str) -> None:
    """Record the end; where that cannot be, the pilot's exit code is still what counts."""
    from glidein import starting
    from glidein.errors import GlideinError

    try:
        starting.note_end(ledger, provider, request_id)
    except GlideinError as error:
        output.progress(f"glidein: {error}")


def _print(line: str) -> None:
    print(output.printable(line), flush=True)


def _say_detached(request_id: str, remote: str, log: Path, *, as_json: bool) -> None:
    if as_json:
        output.print_json({"request": request_id, "process": remote, "log": log})
        return
    print(request_id)
    output.progress(
        f"the pilot runs as process {remote}\n"
        f"follow it: glidein logs {request_id} --follow\n"
        f"stop it:   glidein stop {request_id}"
    )

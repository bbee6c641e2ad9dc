"""`glidein slurm`: batch jobs on the Slurm cluster that this machine submits to."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from glidein.cli import output

if TYPE_CHECKING:
    from annex.cli.words import Order
    from glidein.requests import Row

app = typer.Typer(no_args_is_help=True, help="Start pilots as batch jobs.")

TARGET = typer.Argument("generic", metavar="[QUEUE@SYSTEM]", help="Where; see: glidein systems.")
POOL = typer.Option("", help="HOST[:PORT][?sock=NAME] of the pool's collector.")
NODES = typer.Option("", help="Nodes of one batch job, a pilot on each. Without it: 1.")
JOBS = typer.Option("", help="Batch jobs of one node each: an array, whose nodes leave alone.")
CPUS = typer.Option("", help="Cores of each node.")
MEMORY = typer.Option("", "--memory", "--mem-mb", "--mem_mb", help="Memory of each node: 64GB, MB.")
GPUS = typer.Option("", help="GPUs of each node: 2, or TYPE:2.")
GPU_TYPE = typer.Option("", "--gpu-type", "--gpu_type", help="The type of GPU.")
LIFETIME = typer.Option("1h", help="The batch job's time limit: 24h, 90m, seconds.")
IDLE = typer.Option(
    "", "--idle-time", "--idle_time", help="How long without a job, then leave. Without it: 20m."
)
PROJECT = typer.Option("", help="What the batch job is charged to (Slurm's account).")
OWNERS = typer.Option([], help="Whose jobs may run; commas or repeated. Or: the token's subject.")
START = typer.Option("", help="A further ClassAd expression that jobs must satisfy.")
GRACE = typer.Option("60", help="How long jobs may go on once a pilot is told to leave.")
NAME = typer.Option("", help="What TargetAnnexName of a job refers to.")
TOKEN = typer.Option("", "--token-file", "--token_file", help="The pool's token, mode 0600.")
RUNTIME = typer.Option("", help="The HTCondor to use: tarball, folder there, or URL.")
SHA256 = typer.Option("", help="What the tarball's SHA-256 must be.")
SBATCH = typer.Option([], metavar="NAME=VALUE", help="A further sbatch option: reservation=X.")
REQUEUE = typer.Option(False, "--requeue", help="Let Slurm start it again if a node fails.")


@app.command(
    epilog="Example: glidein slurm render --pool cm.example.org --nodes 10 --cpus 48 "
    "--lifetime 24h --owners alice --token-file ~/token > pilots.sbatch"
)
def render(
    target: str = TARGET,
    pool: str = POOL,
    nodes: str = NODES,
    jobs: str = JOBS,
    cpus: str = CPUS,
    memory: str = MEMORY,
    gpus: str = GPUS,
    gpu_type: str = GPU_TYPE,
    lifetime: str = LIFETIME,
    idle_time: str = IDLE,
    project: str = PROJECT,
    owners: list[str] = OWNERS,
    start: str = START,
    grace: str = GRACE,
    name: str = NAME,
    token_file: str = TOKEN,
    runtime: str = RUNTIME,
    sha256: str = SHA256,
    sbatch: list[str] = SBATCH,
    requeue: bool = REQUEUE,
) -> None:
    """Print the batch script that submit would send; give it to sbatch as often as you like.

    The token is not in it: its file must be at the same place on the cluster. --jobs N makes an
    array of one-node batch jobs, whose nodes are given back one by one: better than --nodes N
    wherever the queue takes arrays.
    """
    order = _order(locals(), sending=False)
    print(order.script(), end="")


@app.command(
    epilog="Example: glidein slurm submit --pool cm.example.org --jobs 4 --cpus 16 --memory 64GB "
    "--lifetime 8h --token-file ~/token"
)
def submit(
    target: str = TARGET,
    pool: str = POOL,
    nodes: str = NODES,
    jobs: str = JOBS,
    cpus: str = CPUS,
    memory: str = MEMORY,
    gpus: str = GPUS,
    gpu_type: str = GPU_TYPE,
    lifetime: str = LIFETIME,
    idle_time: str = IDLE,
    project: str = PROJECT,
    owners: list[str] = OWNERS,
    start: str = START,
    grace: str = GRACE,
    name: str = NAME,
    token_file: str = TOKEN,
    runtime: str = RUNTIME,
    sha256: str = SHA256,
    sbatch: list[str] = SBATCH,
    requeue: bool = REQUEUE,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Submit pilots to the Slurm of this machine, and come back with the request's id.

    The request is noted before Slurm is asked; whatever is killed when, list shows it and cancel
    removes it. The exit code is 2, and nothing was submitted, when an option is wrong.
    """
    given = {key: value for key, value in locals().items() if key != "as_json"}
    order = _order(given, sending=True)
    remote = order.submit()
    if as_json:
        output.print_json({"request": order.request.id, "batch_job": remote})
        return
    print(order.request.id)
    output.progress(
        f"batch job {remote}\n"
        f"where it is:      glidein slurm list\n"
        f"what it printed:  glidein slurm logs {order.request.id}\n"
        f"end it:           glidein slurm cancel {order.request.id}"
    )


@app.command("list", epilog="Example: glidein slurm list --json")
def list_(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List the requests that are batch jobs here, the oldest first, and why they wait."""
    from glidein.cli.list import show

    rows, troubles = _rows()
    for trouble in troubles:
        output.progress(f"glidein: {output.printable(trouble)}")
    show(rows, as_json=as_json, empty="No batch job of ours here; start with: glidein slurm submit")


@app.command(epilog="Example: glidein slurm logs g20261123-064500-0123456789")
def logs(
    request: str = typer.Argument(help="The request's id, as list shows it."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON: text by pilot's index."),
) -> None:
    """Show what a request's pilots printed, also after the end."""
    from annex.cli import words
    from glidein.cli import seeing

    row = seeing.one(_rows()[0], request)
    texts = words.provider().logs(row.id)
    if as_json:
        output.print_json(texts)
        return
    for index, text in sorted(texts.items()):
        for line in text.splitlines():
            print(f"{index}: " * (len(texts) > 1) + output.printable(line))
    if not texts:
        output.progress(f"no pilot of {row.id} has started yet: {row.reason or row.state}")
    sys.stdout.flush()


@app.command(epilog="Example: glidein slurm cancel g20261123-064500-0123456789")
def cancel(
    requests: list[str] = typer.Argument(..., metavar="REQUEST...", help="Ids, as list shows."),
    fast: bool = typer.Option(False, "--fast", help="Do not wait for running jobs."),
) -> None:
    """End requests: what waits is taken back, pilots that run may end their jobs first."""
    from annex.cli import words
    from glidein import starting
    from glidein.cli import seeing
    from glidein.ledger import Ledger

    rows = _rows()[0]
    for row in [seeing.one(rows, text) for text in dict.fromkeys(requests)]:
        output.progress(f"cancelling {row.id}" + ("" if fast else ", its jobs may go on a while"))
        starting.stop(Ledger(), words.provider(), row.id, fast=fast)
        output.progress(f"{row.id} is cancelled")


def _order(given: dict[str, object], *, sending: bool) -> "Order":
    from annex.cli import drafting, words

    return words.order(drafting.Given(**given), sending=sending)  # type: ignore[arg-type]


def _rows() -> "tuple[tuple[Row, ...], Sequence[str]]":
    from annex.cli import words
    from glidein import requests
    from glidein.ledger import Ledger

    found, troubles = requests.listings([words.provider()])
    rows, damaged = requests.join(Ledger(), found)
    here = tuple(row for row in rows if row.provider == words.HERE)
    return here, [*troubles, *damaged]

"""`glidein slurm`: batch jobs on the Slurm cluster that this machine submits to."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from annex.cli import options
from glidein.cli import output

if TYPE_CHECKING:
    from annex.cli.words import Order
    from glidein.requests import Row

app = typer.Typer(no_args_is_help=True, help="Start pilots as batch jobs.")


@app.command(
    epilog="Example: glidein slurm render --pool cm.example.org --nodes 10 --cpus 48 "
    "--lifetime 24h --owners alice --token-file ~/token > pilots.sbatch"
)
def render(
    target: str = options.TARGET,
    pool: str = options.POOL,
    nodes: str = options.NODES,
    jobs: str = options.JOBS,
    cpus: str = options.CPUS,
    memory: str = options.MEMORY,
    gpus: str = options.GPUS,
    gpu_type: str = options.GPU_TYPE,
    lifetime: str = options.LIFETIME,
    idle_time: str = options.IDLE,
    project: str = options.PROJECT,
    owners: list[str] = options.OWNERS,
    start: str = options.START,
    grace: str = options.GRACE,
    name: str = options.NAME,
    token_file: str = options.TOKEN,
    runtime: str = options.RUNTIME,
    sha256: str = options.SHA256,
    sbatch: list[str] = options.SBATCH,
    requeue: bool = options.REQUEUE,
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
    target: str = options.TARGET,
    pool: str = options.POOL,
    nodes: str = options.NODES,
    jobs: str = options.JOBS,
    cpus: str = options.CPUS,
    memory: str = options.MEMORY,
    gpus: str = options.GPUS,
    gpu_type: str = options.GPU_TYPE,
    lifetime: str = options.LIFETIME,
    idle_time: str = options.IDLE,
    project: str = options.PROJECT,
    owners: list[str] = options.OWNERS,
    start: str = options.START,
    grace: str = options.GRACE,
    name: str = options.NAME,
    token_file: str = options.TOKEN,
    runtime: str = options.RUNTIME,
    sha256: str = options.SHA256,
    sbatch: list[str] = options.SBATCH,
    requeue: bool = options.REQUEUE,
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

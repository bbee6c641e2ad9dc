"""`glidein status`: requests, pilots, and the pool's queue."""

import time
from typing import TYPE_CHECKING

import typer

from glidein.cli import output

if TYPE_CHECKING:
    from pathlib import Path

    from glidein.demand import Totals
    from glidein.matching import Ad
    from glidein.model import PoolAddress
    from glidein.requests import Row
    from glidein.status import RequestStatus

app = typer.Typer()


@app.command(epilog="Example: glidein status --pool cm.example.org --token-file ~/pilot.token")
def status(
    pool: str = typer.Option("", help="The pool to ask; without it those of running requests."),
    token_file: str = typer.Option("", help="A token to show the pool, where it asks for one."),
    refresh: bool = typer.Option(False, "--refresh", help="Ask far systems too."),
    everything: bool = typer.Option(False, "--all", help="Show requests that have ended, too."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show requests and their pilots, cores busy of offered, time left, and the queue by owner.

    A pool that cannot be read is said, and takes nothing away from what the ledger and this machine
    know.
    """
    from glidein import paths
    from glidein import status as joining
    from glidein.cli import seeing
    from glidein.model import PoolAddress, RequestState

    rows, troubles = seeing.rows(refresh=refresh)
    token = paths.given(token_file, "--token-file") if token_file else None
    addresses = [PoolAddress.parse(pool)] if pool else _pools_of(rows)
    slots: list[Ad] = []
    queue: dict[str, Totals] = {}
    for address in addresses:
        troubles += _ask(address, token, slots, queue)
    found = joining.join(rows, slots, time.time())
    over = (RequestState.ENDED,)
    shown = [each for each in found if everything or each.state not in over]
    for trouble in troubles:
        output.progress(f"glidein: {output.printable(trouble)}")
    if as_json:
        output.print_json({"requests": shown, "queue": queue, "troubles": troubles})
        return
    _print(shown, queue, ended=len(found) - len(shown))


def _pools_of(rows: "tuple[Row, ...]") -> "list[PoolAddress]":
    from glidein.model import RequestState

    live = (RequestState.QUEUED, RequestState.RUNNING)
    found = [row.record.request.spec.pool for row in rows if row.record and row.state in live]
    return list(dict.fromkeys(found))


def _ask(
    address: "PoolAddress",
    token: "Path | None",
    slots: "list[Ad]",
    queue: "dict[str, Totals]",
) -> tuple[str, ...]:
    """Add what a pool knows; return what could not be read, in words."""
    from glidein import status as joining
    from glidein.errors import GlideinError
    from glidein.pool import Access, Pool

    with Pool(address, Access(token_file=token, timeout=20)) as pool:
        try:
            slots += pool.pilots(attributes=joining.ATTRIBUTES)
            for schedd in pool.schedds():
                for owner, totals in pool.totals(schedd).items():
                    queue[owner] = totals if owner not in queue else queue[owner] + totals
        except GlideinError as error:
            return (f"{error}; show it a token with --token-file",)
    return ()


def _print(requests: "list[RequestStatus]", queue: "dict[str, Totals]", *, ended: int) -> None:
    from glidein import quantities

    rows = []
    for each in requests:
        left = "-" if each.seconds_left is None else quantities.show_seconds(each.seconds_left)
        cores = f"{each.busy_cores}/{each.cores}"
        joined = f"{each.joined}/{each.asked}"
        states = ",".join(pilot.state for pilot in each.pilots) or "-"
        line = [each.id, each.provider, each.state, joined, cores, left, states, each.reason]
        rows.append(line)
    columns = ["request", "provider", "state", "joined", "cores busy", "left", "pilots", "why"]
    more = f" ({ended} ended: glidein status --all)" if ended else ""
    output.print_table(columns, rows, f"No request is running{more}")
    if queue:
        print()
        counted = [[owner, t.idle, t.running, t.held] for owner, t in sorted(queue.items())]
        output.print_table(["owner", "idle jobs", "running", "held"], counted)

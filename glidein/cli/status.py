"""`glidein status`: requests, pilots, and the pool's queue."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from glidein.cli import output

if TYPE_CHECKING:
    from pathlib import Path

    from glidein.demand import Totals
    from glidein.matching import Ad
    from glidein.model import PoolAddress
    from glidein.requests import Row
    from glidein.status import PilotStatus, RequestStatus

app = typer.Typer()


@app.command(epilog="Example: glidein status --pool cm.example.org --token-file ~/pilot.token")
def status(
    pool: str = typer.Option("", help="The pool to ask; without it those of running requests."),
    token_file: str = typer.Option("", help="A token to show the pool, where it asks for one."),
    refresh: bool = typer.Option(False, "--refresh", help="Ask far systems too."),
    everything: bool = typer.Option(
        False, "--all", help="Show what has ended, and pilots of others."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show requests and their pilots, cores busy of offered, time left, and the queue by owner.

    A pool that cannot be read is said, and takes nothing away from what the ledger and this machine
    know. A pilot that the pool has not heard of for minutes is shown as lost. Pilots that others
    brought into the pool are counted, and shown with --all.
    """
    from glidein import status as joining
    from glidein.cli import seeing
    from glidein.model import RequestState

    rows, troubles = seeing.rows(refresh=refresh)
    known = Known()
    troubles += pools(rows, known, token_file, pool)
    found = joining.join(rows, known.slots, time.time(), known.identities)
    others = [] if everything else [each for each in found if not each.ours]
    ended = [] if everything else [each for each in found if each.state == RequestState.ENDED]
    shown = [each for each in found if each not in others and each not in ended]
    for trouble in troubles:
        output.progress(f"glidein: {output.printable(trouble)}")
    hidden = sum(each.joined for each in others)
    if as_json:
        output.print_json(
            {"requests": shown, "queue": known.queue, "troubles": troubles, "others": hidden}
        )
        return
    show(shown, known.queue, ended=len(ended), others=hidden)


@dataclass
class Known:
    """What pools told: pilots' slots, jobs by owner, and as whom they know us."""

    slots: "list[Ad]" = field(default_factory=list)
    queue: "dict[str, Totals]" = field(default_factory=dict)
    identities: set[str] = field(default_factory=set)


def pools(
    rows: "tuple[Row, ...]", known: Known, token_file: str, pool: str = ""
) -> tuple[str, ...]:
    """Ask a pool, or those of running requests, and add to `known`; return what went wrong."""
    from glidein import paths
    from glidein.model import PoolAddress

    token = paths.given(token_file, "--token-file") if token_file else None
    addresses = [PoolAddress.parse(pool)] if pool else _pools_of(rows)
    asked = (_ask(address, token, known) for address in addresses)
    return tuple(trouble for each in asked for trouble in each)


def _pools_of(rows: "tuple[Row, ...]") -> "list[PoolAddress]":
    from glidein.model import RequestState

    live = (RequestState.QUEUED, RequestState.RUNNING)
    found = [row.record.request.spec.pool for row in rows if row.record and row.state in live]
    return list(dict.fromkeys(found))


def _ask(address: "PoolAddress", token: "Path | None", known: Known) -> tuple[str, ...]:
    """Add what a pool knows; return what could not be read, in words."""
    from glidein import status as joining
    from glidein.errors import AuthError, GlideinError
    from glidein.pool import Access, Pool

    with Pool(address, Access(token_file=token, timeout=20)) as pool:
        try:
            known.slots += pool.pilots(attributes=joining.ATTRIBUTES)
            who = pool.ping("READ").identity
            if who and not who.startswith("unauthenticated@"):
                known.identities.add(who)
            for schedd in pool.schedds():
                for owner, totals in pool.totals(schedd).items():
                    before = known.queue.get(owner)
                    known.queue[owner] = before + totals if before else totals
        except AuthError as error:
            return (str(error) if "token" in str(error) else f"{error}; try --token-file",)
        except GlideinError as error:
            return (f"{error}; see what is wrong: glidein check --pool {address}",)
    return ()


def show(
    requests: "Sequence[RequestStatus]", queue: "dict[str, Totals]", *, ended: int, others: int
) -> None:
    """Print requests, and the queue by owner, as tables."""
    from glidein import quantities
    from glidein.cli.list import counted

    rows = []
    for each in requests:
        left = "-" if each.seconds_left is None else quantities.show_seconds(each.seconds_left)
        cores = "?" if each.cores is None else f"{each.busy_cores}/{each.cores}"
        joined = f"{each.joined}/{each.asked}"
        states = counted(_state(pilot) for pilot in each.pilots)
        line = [each.id, each.provider, each.state, joined, cores, left, states, each.reason]
        rows.append(line)
    columns = ["request", "provider", "state", "joined", "cores busy", "left", "pilots", "why"]
    more = f" ({ended} ended: glidein status --all)" if ended else ""
    output.print_table(columns, rows, f"No request is running{more}")
    if others:
        count = f"{others} pilots of others are" if others > 1 else "1 pilot of others is"
        print(f"{count} in the pool too: glidein status --all")
    if queue:
        print()
        lines = [[owner, t.idle, t.running, t.held] for owner, t in sorted(queue.items())]
        output.print_table(["owner", "idle jobs", "running", "held"], lines)


def _state(pilot: "PilotStatus") -> str:
    """Return a pilot's state; where the pool's ad of it outlived it, that ad's age as well."""
    from glidein import quantities
    from glidein.model import PilotState

    gone = (PilotState.LOST, PilotState.ENDED, PilotState.NEVER_JOINED)
    if pilot.heard is None or pilot.state not in gone:
        return pilot.state
    return f"{pilot.state} (heard of {quantities.show_seconds(pilot.heard)} ago)"

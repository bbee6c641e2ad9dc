"""`glidein list`: requests, where they are and why."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from glidein.cli import output

if TYPE_CHECKING:
    from glidein.requests import Row

app = typer.Typer()


@app.command("list", epilog="Example: glidein list --json")
def list_(
    refresh: bool = typer.Option(False, "--refresh", help="Ask far systems too."),
    prune: bool = typer.Option(
        False, "--prune", help="Forget what ended more than 30 days ago (run does that too)."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List requests and where they run, the oldest first.

    A request that cannot be read is named on standard error and does not hide the others.
    """
    from datetime import UTC, datetime

    from glidein import requests
    from glidein.cli import seeing
    from glidein.ledger import Ledger

    rows, troubles = seeing.rows(refresh=refresh)
    if prune:
        gone = requests.prune(Ledger(), rows, datetime.now(UTC) - requests.KEEP)
        rows = tuple(row for row in rows if row.id not in gone)
    for trouble in troubles:
        output.progress(f"glidein: {output.printable(trouble)}")
    show(rows, as_json=as_json, empty="No request yet; start one with: glidein run")


def show(rows: "Sequence[Row]", *, as_json: bool, empty: str) -> None:
    """Print requests, as a table or as JSON; `empty` where there is none."""
    if as_json:
        output.print_json([_plain(row) for row in rows])
        return
    columns = ["request", "provider", "state", "pilots", "created", "pool", "why"]
    output.print_table(columns, [_cells(row) for row in rows], empty)


def _plain(row: "Row") -> dict[str, object]:
    return {
        "id": row.id,
        "provider": row.provider,
        "state": row.state,
        "reason": row.reason,
        "created": row.created,
        "ended": row.ended,
        "request": row.record.request if row.record else None,
        "remote_id": row.seen.remote_id if row.seen else "",
        "pilots": [
            {"name": str(each.name), "state": each.state, "why": each.detail, "report": each.report}
            for each in row.pilots
        ],
    }


def _cells(row: "Row") -> list[object]:
    request = row.record.request if row.record else None
    created = f"{row.created:%Y-%m-%d %H:%M}Z" if row.created else "?"
    pilots = counted(str(each.state) for each in row.pilots)
    pool = str(request.spec.pool) if request else "?"
    return [row.id, row.provider, row.state, pilots, created, pool, row.reason]


def counted(states: "Iterable[str]") -> str:
    """Return states with how often each is there: "2 idle, busy"; a dash where there is none."""
    found = Counter(states)
    return ", ".join(f"{n} {state}" if n > 1 else state for state, n in found.items()) or "-"

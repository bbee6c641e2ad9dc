"""`glidein stop`: end requests, politely or at once."""

from typing import TYPE_CHECKING

import typer

from glidein.cli import output

if TYPE_CHECKING:
    from glidein.requests import Row

app = typer.Typer()


@app.command(epilog="Example: glidein stop g20261123-064500-0123456789")
def stop(
    requests: list[str] = typer.Argument(None, metavar="[REQUEST]...", help="Ids, as list shows."),
    every: bool = typer.Option(False, "--all", help="Every request that has not ended."),
    fast: bool = typer.Option(False, "--fast", help="Do not wait for running jobs."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Stop requests and remove what they left: processes, work folders, tokens.

    Pilots take no new job and running ones may go on for their grace; then all of it is ended.
    Stopping what has ended already is success.
    """
    from glidein.cli import seeing
    from glidein.errors import ConfigError, GlideinError

    if bool(requests) == every:
        raise ConfigError.one("REQUEST", "give ids, or --all", "See them with: glidein list")
    rows, _ = seeing.rows()
    chosen = [row for row in rows if row.state != "ended"] if every else _chosen(rows, requests)
    failed: list[GlideinError] = []
    stopped: list[str] = []
    over: list[str] = []
    for row in chosen:
        try:
            (stopped if _stop(row, fast=fast) else over).append(row.id)
        except GlideinError as error:
            failed.append(error)
            output.progress(f"glidein: {row.id}: {error}")
    if as_json:
        output.print_json({"stopped": stopped, "ended_already": over, "failed": len(failed)})
    elif not chosen:
        print("nothing runs")
    if failed:
        raise typer.Exit(failed[0].exit_code)


def _chosen(rows: "tuple[Row, ...]", wanted: list[str]) -> "list[Row]":
    from glidein.cli import seeing

    return [seeing.one(rows, text) for text in dict.fromkeys(wanted)]


def _stop(row: "Row", *, fast: bool) -> bool:
    """Stop a request, or tidy up after one that ended; return whether it had to be stopped."""
    from glidein import provider, starting
    from glidein.ledger import Ledger

    if row.state == "ended":
        if row.seen and not all(each.report for each in row.pilots):  # it may have left something
            provider.named(row.provider).cancel(row.id, fast=True)
        output.progress(f"{row.id} ended already ({output.printable(row.reason or 'no reason')})")
        return False
    output.progress(f"stopping {row.id}" + ("" if fast else ", its jobs may go on for their grace"))
    starting.stop(Ledger(), provider.named(row.provider), row.id, fast=fast)
    output.progress(f"{row.id} stopped")
    return True

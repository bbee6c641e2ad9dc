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
    every: bool = typer.Option(
        False, "--all", help="Every request that has not ended; others are tidied up after."
    ),
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
    failed: list[GlideinError] = []
    stopped: list[str] = []
    over: list[str] = []
    for row in rows if every else _chosen(rows, requests):
        try:
            if row.state != "ended":
                _stop(row, fast=fast)
                stopped.append(row.id)
                continue
            _tidy(row)
            if not every:
                over.append(row.id)
                output.progress(f"{row.id} ended already {seeing.end(row)}")
        except GlideinError as error:
            failed.append(error)
            output.progress(f"glidein: {row.id}: {error}")
    if as_json:
        output.print_json({"stopped": stopped, "ended_already": over, "failed": len(failed)})
    elif not (stopped or over or failed):
        print("nothing runs")
    if failed:
        raise typer.Exit(failed[0].exit_code)


def _chosen(rows: "tuple[Row, ...]", wanted: list[str]) -> "list[Row]":
    from glidein.cli import seeing

    return [seeing.one(rows, text) for text in dict.fromkeys(wanted)]


def _tidy(row: "Row") -> None:
    """Remove what a request may have left that ended without a report, killed say."""
    from glidein import provider

    if row.seen and not all(each.report for each in row.pilots):
        provider.named(row.provider).cancel(row.id, fast=True)


def _stop(row: "Row", *, fast: bool) -> None:
    from glidein import provider, starting
    from glidein.ledger import Ledger

    output.progress(f"stopping {row.id}" + ("" if fast else ", its jobs may go on for their grace"))
    starting.stop(Ledger(), provider.named(row.provider), row.id, fast=fast)
    output.progress(f"{row.id} stopped")

"""What becomes of an annex: `annex list|status|logs|shutdown|cancel|explain`."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from glidein.cli import output

if TYPE_CHECKING:
    from annex.provider import BatchProvider
    from glidein.ledger import Ledger
    from glidein.requests import Row

REFRESH = typer.Option(False, "--refresh", help="Log in and ask the far systems, too.")
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
TOKEN = typer.Option("", "--token-file", help="A token to show the pool, where it asks for one.")
NAME = typer.Argument(..., metavar="NAME", help="The annex, as annex list shows it.")
FAST = typer.Option(False, "--fast", help="Do not wait for running jobs.")


def list_(as_json: bool = AS_JSON) -> None:
    """List annexes: their requests, where they are and what they may cost, from the ledger."""
    from annex import annexes

    rows = _rows(refresh=False)
    found = [(name, annexes.of_name(rows, name)) for name in annexes.names(rows)]
    if as_json:
        output.print_json([
            {"name": name, "requests": [{"id": row.id, "provider": row.provider,
                                         "state": row.state} for row in its]}
            for name, its in found
        ])  # fmt: skip
        return
    lines = [
        [name, len(its), len(annexes.live(its)),
         ", ".join(dict.fromkeys(row.provider.removeprefix("annex:") for row in its)),
         f"{annexes.cost(its, _now()).at_most:.2f}"]
        for name, its in found
    ]  # fmt: skip
    columns = ["annex", "requests", "live", "on", "node-hours asked"]
    output.print_table(columns, lines, "There is no annex; make one with: annex create")


def status(
    name: str = typer.Argument("", metavar="[NAME]", help="One annex; without it all."),
    refresh: bool = REFRESH,
    token_file: str = TOKEN,
    everything: bool = typer.Option(False, "--all", help="Show what has ended, too."),
    as_json: bool = AS_JSON,
) -> None:
    """Show requests and pilots: batch state and why, joined of asked, cores busy, time left.

    From the ledger and the pool; the far side is asked only with --refresh, so that looking asks
    for no second factor.
    """
    from annex import annexes
    from glidein import status as joining
    from glidein.cli import status as shown
    from glidein.model import RequestState

    rows = _rows(refresh=refresh, name=name)
    rows = annexes.find(rows, name) if name else tuple(row for row in rows if _annexed(row))
    live = [row for row in rows if everything or row.state is not RequestState.ENDED]
    known = shown.Known()
    troubles = shown.pools(rows, known, token_file)
    found = joining.join(live, known.slots, time.time())
    found = tuple(each for each in found if each.provider != "?")
    for trouble in troubles:
        output.progress(f"glidein: {output.printable(trouble)}")
    cost = annexes.cost(rows, _now())
    if as_json:
        output.print_json(
            {"requests": found, "queue": known.queue, "troubles": troubles,
             "node_hours": cost.so_far, "node_hours_at_most": cost.at_most}
        )  # fmt: skip
        return
    shown.show(found, known.queue, ended=len(rows) - len(live), others=0)
    print(f"charged so far: {cost.so_far:.2f} node-hours of at most {cost.at_most:.2f}")


def shutdown(name: str = NAME, fast: bool = FAST) -> None:
    """End an annex: what waits in a queue is taken back, pilots that run leave, all is removed.

    Running jobs may go on for the pilots' grace, unless --fast. Tokens and folders on the far side
    are removed; the logs are brought home first.
    """
    from annex import annexes

    its = annexes.find(_rows(refresh=False), name)
    alive = annexes.live(its)
    for row in alive:
        _end(row, fast=fast)
    if not alive:
        output.progress(f"annex {name} has ended already")


def cancel(
    requests: list[str] = typer.Argument(..., metavar="REQUEST...", help="As status shows them."),
    fast: bool = FAST,
) -> None:
    """End single requests of an annex; the others go on."""
    from glidein.cli import seeing

    rows = tuple(row for row in _rows(refresh=False) if _annexed(row))
    for row in [seeing.one(rows, text) for text in dict.fromkeys(requests)]:
        _end(row, fast=fast)


def logs(
    name: str = typer.Argument(..., metavar="NAME|REQUEST", help="An annex, or one request."),
    refresh: bool = REFRESH,
    as_json: bool = AS_JSON,
) -> None:
    """Show what pilots and batch jobs printed; what was brought home stays after the end.

    With --refresh it is fetched from the far side first.
    """
    from annex import annexes, homelogs
    from glidein.cli import seeing
    from glidein.ledger import Ledger

    rows = tuple(row for row in _rows(refresh=False) if _annexed(row))
    its = annexes.of_name(rows, name) or (seeing.one(rows, name),)
    found: dict[str, dict[str, str]] = {}
    for row in its:
        kept = homelogs.kept(Ledger(), row.id)
        if refresh or not kept:
            kept = _fetched(row) or kept
        found[row.id] = kept
    if as_json:
        output.print_json(found)
        return
    for request, texts in found.items():
        for log, text in texts.items():
            for line in text.splitlines():
                print(f"{request} {log}: {output.printable(line)}")
        if not texts:
            output.progress(f"{request}: nothing was printed yet")


def explain(name: str = NAME, token_file: str = TOKEN, as_json: bool = AS_JSON) -> None:
    """Say why an annex runs no job: every hop from each request to a running job.

    Exit code 1 if one says no. On the real ads, logs and batch jobs; the far side is asked.
    """
    from annex import annexes
    from glidein import paths
    from glidein.cli import explain as asking
    from glidein.model import FAIL
    from glidein.pool import Access

    token = paths.given(token_file, "--token-file") if token_file else None
    access = Access(token_file=token, timeout=30)
    rows = annexes.find(_rows(refresh=True, name=name), name)
    found = {row.id: asking.of_row(row, None, access) for row in rows if _telling(row, rows)}
    if as_json:
        output.print_json({"annex": name, "requests": found})
    for request, findings in found.items() if not as_json else ():
        for each in findings:
            print(f"{request}: {output.printable(str(each))}")
    if any(each.verdict == FAIL for findings in found.values() for each in findings):
        raise typer.Exit(1)


def _telling(row: "Row", rows: "tuple[Row, ...]") -> bool:
    """Whether a request says something of its annex now: all that live, else the last one."""
    from annex import annexes

    return row in annexes.live(rows) if annexes.live(rows) else row is rows[-1]


def _rows(*, refresh: bool, name: str = "") -> "tuple[Row, ...]":
    """Return all requests; on `refresh` the places of that annex, or of all, are asked."""
    from annex import annexes, farproviders, homelogs
    from glidein import requests
    from glidein.ledger import Ledger

    ledger = Ledger()
    rows, troubles = requests.join(ledger, {})
    if refresh:
        its = annexes.live(annexes.of_name(rows, name) if name else rows)
        wanted = {row.provider for row in its}
        asked = [one for one in farproviders.of_ledger(ledger) if one.name in wanted]
        listings, dim = requests.listings(asked)
        rows, troubles = requests.join(ledger, listings)
        troubles += dim + requests.note_all(ledger, rows)
        homelogs.bring(ledger, asked, rows)
        for provider in asked:
            provider.close()
    for trouble in troubles:
        output.progress(f"glidein: {output.printable(trouble)}")
    return rows


def _annexed(row: "Row") -> bool:
    from annex.places import PREFIX

    return row.provider.startswith(PREFIX)


def _end(row: "Row", *, fast: bool) -> None:
    from annex import creating, homelogs
    from glidein import starting
    from glidein.ledger import Ledger

    ledger = Ledger()
    provider = _provider(ledger, row)
    output.progress(f"ending {row.id} on {row.provider.removeprefix('annex:')}")
    try:
        starting.stop(ledger, provider, row.id, fast=fast)
        homelogs.fetch(ledger, provider, row.id)
    finally:
        provider.close()
    creating.forget_token(ledger, row.id)
    output.progress(f"{row.id} has ended")


def _fetched(row: "Row") -> dict[str, str]:
    from annex import homelogs
    from glidein.ledger import Ledger

    ledger = Ledger()
    provider = _provider(ledger, row)
    try:
        return homelogs.fetch(ledger, provider, row.id)
    finally:
        provider.close()


def _provider(ledger: "Ledger", row: "Row") -> "BatchProvider":
    from annex import farproviders
    from glidein.errors import ConfigError

    for one in farproviders.of_ledger(ledger):
        if one.name == row.provider:
            return one
    raise ConfigError.one("REQUEST", f"{row.id} went to {row.provider}, which is unknown now")


def _now() -> datetime:
    return datetime.now(UTC)

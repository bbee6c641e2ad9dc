"""`glidein logs`: what a request's pilots printed."""

import sys
import time
from typing import TYPE_CHECKING

import typer

from glidein.cli import output

if TYPE_CHECKING:
    from glidein.requests import Row

app = typer.Typer()
_PAUSE = 1.0
_OVER = ("ended", "lost")


@app.command(epilog="Example: glidein logs g20261123-064500-0123456789 --follow")
def logs(
    request: str = typer.Argument(help="The request's id, as list shows it."),
    follow: bool = typer.Option(False, "--follow", "-f", help="Go on until it has ended."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON: text by pilot's index."),
) -> None:
    """Show what a request's pilots printed, also after the end; how it ended on standard error."""
    from glidein.cli import seeing

    row = seeing.one(seeing.rows()[0], request)
    if as_json:
        output.print_json(_read(row))
        return
    shown = _show(row, {})
    while follow and row.state not in _OVER:
        time.sleep(_PAUSE)
        row = seeing.one(seeing.rows()[0], row.id)
        shown = _show(row, shown)
    if row.state in _OVER:
        output.progress(f"{row.id} {row.state} {seeing.end(row)}")


def _read(row: "Row") -> dict[int, str]:
    from glidein import provider
    from glidein.errors import NotFoundError

    try:
        return provider.named(row.provider).logs(row.id)
    except NotFoundError:
        if row.state not in _OVER:
            raise
        output.progress("its logs are gone")
        return {}


def _show(row: "Row", shown: dict[int, int]) -> dict[int, int]:
    """Print what is new, whole lines, each with its pilot's index where there are several."""
    texts = _read(row)
    for index, text in sorted(texts.items()):
        lines = text[: text.rfind("\n") + 1].splitlines()  # a line still being written waits
        for line in lines[shown.get(index, 0) :]:
            print(f"{index}: " * (len(texts) > 1) + output.printable(line))
        shown[index] = len(lines)
    sys.stdout.flush()
    return shown

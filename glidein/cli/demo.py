"""`glidein demo`: the main job, from nothing to nothing, on this machine."""

import os
import time
from pathlib import Path

import typer

app = typer.Typer()


@app.command(
    epilog="Example: glidein demo --jobs 4 --pilots 2 --output timeline.svg",
)
def demo(
    jobs: int = typer.Option(1, min=1, max=10000, help="Pairs of fetch and count jobs."),
    pilots: int = typer.Option(1, min=1, max=64, help="Pilots to start."),
    runtime: str = typer.Option(
        "", help="The HTCondor to use, as glidein runtime list shows it; any without."
    ),
    output: Path = typer.Option(
        Path("glidein-demo.svg"), help="Where the timeline is drawn, as SVG."
    ),
) -> None:
    """Run a whole pool, a pilot and a two-step workflow here, and leave nothing behind.

    Gets an HTCondor, starts a throw-away pool, submits a DAG that fetches a page and counts its
    lines, starts pilots with the payload that batch jobs use, shows what happens, waits until the
    pilots leave by themselves, and draws a timeline. Exit code 0 only if all of it went right;
    Ctrl-C cleans up first and ends with 130.
    """
    from glidein import gantt
    from glidein.cli import output as out
    from glidein.demo import show
    from glidein.errors import ConfigError

    if not os.access(output.absolute().parent, os.W_OK) or output.is_dir():
        raise ConfigError.one("--output", f"{output} cannot be written", "Name a file elsewhere")
    began = time.monotonic()

    def say(who: str, what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {who:<10} {out.printable(what)}", flush=True)

    try:
        line = show.run(show.DemoOptions(jobs=jobs, pilots=pilots, runtime=runtime), say)
    except KeyboardInterrupt:
        out.progress("stopped by Ctrl-C; nothing is left behind")
        raise typer.Exit(130) from None
    print()
    for name, text in sorted(line.results.items()):
        print(f"result {name}: {text.strip()}")
    print()
    out.print_table(["phase", "seconds"], line.table())
    output.write_text(gantt.render("glidein demo", line.lanes()), encoding="utf-8")
    print(f"\ntimeline drawn in {output}; nothing else is left behind")

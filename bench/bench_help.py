"""`glidein --help` beside a two-command Typer program in the same environment.

Both are started as whole processes, in turn, so that whatever else the machine does hits both.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.common import median, publish

TWO_COMMANDS = '''\
"""A program with two commands, as small as Typer allows."""

import typer

app = typer.Typer()


@app.command()
def first() -> None:
    """Do the first thing."""


@app.command()
def second() -> None:
    """Do the second thing."""


app()
'''


def timed(argv: list[str]) -> float:
    """Return the seconds that the program took; it must end with 0."""
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Measure in turn and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=21)
    runs = parser.parse_args().runs
    glidein = str(Path(sys.executable).with_name("glidein"))
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "two.py")
        program.write_text(TWO_COMMANDS)
        ours, theirs = [], []
        for _ in range(runs):
            ours.append(timed([glidein, "--help"]))
            theirs.append(timed([sys.executable, str(program), "--help"]))
    ratio = median(ours) / median(theirs)
    rows = [
        ["glidein --help", f"{median(ours):.3f}", f"{ratio:.2f}"],
        ["two-command Typer", f"{median(theirs):.3f}", "1.00"],
    ]
    publish("help", ["program", "seconds", "ratio"], rows, ours=ours, theirs=theirs, limit=1.5)


if __name__ == "__main__":
    main()

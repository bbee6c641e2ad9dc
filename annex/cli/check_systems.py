"""`glidein systems check --live`: the catalogue's word beside what the Slurm here says."""

import shutil
from typing import TYPE_CHECKING

import typer

from glidein.cli import output, systems

if TYPE_CHECKING:
    from annex.provider import BatchProvider
    from glidein.catalogue import Catalogue, System

app = typer.Typer()


@app.command(epilog="Example: glidein systems check bridges2 --live")
def check(
    name: str = typer.Argument("", metavar="[SYSTEM]", help="A system's name; none: all."),
    live: bool = typer.Option(False, "--live", help="Ask the system itself, too."),
    login_name: str = typer.Option("", "--login-name", "--login", help="Your user name there."),
    login_host: str = typer.Option("", "--login-host", "--host", help="The host to log in to."),
    as_json: bool = systems.AS_JSON,
) -> None:
    """Check the catalogue's files, overlays included; exit code 2 if one is wrong.

    With --live the system is asked for its partitions, QOS and your accounts, and what differs from
    the file is shown; the exit code is 1 if a queue is not there. Where this machine has a Slurm
    and no login is named, that is asked; else the system itself over SSH.
    """
    from glidein.errors import ConfigError

    if not live:
        systems.check_files(name, as_json=as_json)
        return
    if not name:
        raise ConfigError.one("SYSTEM", "is missing with --live", "Example: bridges2, or generic")
    from annex import live as facts
    from glidein import catalogue
    from glidein.model import FAIL

    known = catalogue.load()
    system = catalogue.find_system(known, name, "SYSTEM")
    provider = _provider(system, known, login_host, login_name)
    try:
        found = facts.differences(system, facts.site(provider.facts()))
    finally:
        provider.close()
    if as_json:
        output.print_json({"system": system.name, "findings": found})
    else:
        for each in found:
            print(output.printable(str(each)))
    if any(each.verdict == FAIL for each in found):
        raise typer.Exit(1)


def _provider(system: "System", known: "Catalogue", host: str, user: str) -> "BatchProvider":
    """Return the way to ask: this machine's Slurm, or the system's own over SSH."""
    if not (host or user) and shutil.which("sbatch"):
        from annex.cli import words

        return words.provider()
    from annex import farproviders, knobs, places

    return farproviders.of_place(places.find(system, host, user, knobs.read()), known)

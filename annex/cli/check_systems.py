"""`glidein systems check --live`: the catalogue's word beside what the Slurm here says."""

import typer

from glidein.cli import output, systems

app = typer.Typer()


@app.command(epilog="Example: glidein systems check bridges2 --live")
def check(
    name: str = typer.Argument("", metavar="[SYSTEM]", help="A system's name; none: all."),
    live: bool = typer.Option(False, "--live", help="Ask the Slurm of this machine, too."),
    as_json: bool = systems.AS_JSON,
) -> None:
    """Check the catalogue's files, overlays included; exit code 2 if one is wrong.

    With --live the Slurm of this machine is asked for its partitions, QOS and your accounts, and
    what differs from the file is shown; the exit code is 1 if a queue is not there.
    """
    from glidein.errors import ConfigError

    if not live:
        systems.check_files(name, as_json=as_json)
        return
    if not name:
        raise ConfigError.one("SYSTEM", "is missing with --live", "Example: bridges2, or generic")
    from annex import live as facts
    from annex.cli import words
    from glidein import catalogue
    from glidein.model import FAIL

    system = catalogue.find_system(catalogue.load(), name, "SYSTEM")
    found = facts.differences(system, facts.site(words.provider().facts()))
    if as_json:
        output.print_json({"system": system.name, "findings": found})
    else:
        for each in found:
            print(output.printable(str(each)))
    if any(each.verdict == FAIL for each in found):
        raise typer.Exit(1)

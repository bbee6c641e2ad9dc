"""`annex`, and `glidein annex`: bring your own allocation on a far system, over SSH."""

from pathlib import Path

import typer

from annex.cli import annex_create, annex_life, options
from glidein.cli import output

_GONE = {
    "setup": "HTCondor's own command for Amazon's cloud; Glidein starts no machines there",
    "checksetup": "HTCondor's own command for Amazon's cloud; to check a pool: glidein check",
    "aws-ec2": "a cloud of Amazon's; Glidein starts no machines there",
}


def _dashes(word: str) -> str:
    """Let --login_host be --login-host: today's users know both spellings."""
    return word.replace("_", "-") if word.startswith("--") else word


app = typer.Typer(
    no_args_is_help=True,
    help="Bring your own HPC allocation, over SSH.",
    context_settings={"token_normalize_func": _dashes, "help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

_EXAMPLES = {
    "create": "glidein annex create --nodes 1 --lifetime 2h --project abc123 alice GPU@bridges2",
    "add": "glidein annex add --nodes 4 --lifetime 8h alice cpu@delta",
    "list": "glidein annex list",
    "status": "glidein annex status alice --refresh",
    "shutdown": "glidein annex shutdown alice",
    "cancel": "glidein annex cancel g20261123-064500-0123456789",
    "logs": "glidein annex logs alice --refresh",
    "explain": "glidein annex explain alice",
}

for _name, _function in (
    ("create", annex_create.create),
    ("add", annex_create.create),
    ("status", annex_life.status),
    ("list", annex_life.list_),
    ("shutdown", annex_life.shutdown),
    ("cancel", annex_life.cancel),
    ("logs", annex_life.logs),
    ("explain", annex_life.explain),
):
    app.command(_name, epilog=f"Example: {_EXAMPLES[_name]}")(_function)


@app.command(epilog="Example: glidein annex login bridges2")
def login(
    system: str = typer.Argument(..., help="A system of the catalogue, or a host as ssh knows it."),
    login_name: str = typer.Option("", "--login-name", "--login", help="Your user name there."),
    login_host: str = typer.Option("", "--login-host", "--host", help="The host to log in to."),
    persist: str = typer.Option("4h", help="How long it stays open without being used."),
    close: bool = typer.Option(False, "--close", help="End the connection instead."),
    tmp_dir: str = options.OLD,
) -> None:
    """Log in once, with whatever the system asks for; later commands use that connection.

    Your own ssh does it, at this terminal, so that second factors of any kind work.
    """
    from annex import knobs, openssh, places, sshconfig
    from glidein import catalogue, quantities
    from glidein.errors import ConfigError

    if tmp_dir:
        output.progress("note: --tmp-dir has no meaning any more, and is ignored")
    known = catalogue.load()
    try:
        found = catalogue.find_system(known, system, "SYSTEM")
        place = places.find(found, login_host, login_name, knobs.read())
        host, user = place.host, place.user
    except ConfigError:
        if "." not in system and not login_host:
            raise
        host, user = login_host or system, login_name
    master = openssh.Master(sshconfig.resolve(host, user))
    if close:
        master.close()
        output.progress(f"the connection to {host} is closed")
        return
    if master.is_open:
        output.progress(f"a connection to {host} is open already")
        return
    master.open(quantities.parse_seconds(persist, "--persist"))
    output.progress(f"logged in to {host}; end it with: annex login {system} --close")


@app.command(epilog="Example: glidein annex systems")
def systems(as_json: bool = annex_life.AS_JSON) -> None:
    """List the systems and their queues; glidein systems show SYSTEM tells all of one."""
    from glidein.cli import systems as catalogue_commands

    catalogue_commands.list_(as_json=as_json)


@app.command(epilog="Example: glidein annex target alice JOB.sub")
def target(
    name: str = annex_life.NAME,
    file: Path = typer.Argument(..., help="A submit description, which is printed changed."),
    in_place: bool = typer.Option(False, "--in-place", "-i", help="Change the file itself."),
) -> None:
    """Make a submit description's jobs run on an annex, and nowhere else."""
    from annex import targeting
    from glidein.errors import ConfigError

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError.one("FILE", f"{file} cannot be read: {error}") from error
    changed = targeting.targeted(text, name)
    if in_place:
        file.write_text(changed, encoding="utf-8")
    else:
        print(changed, end="")


def _gone(name: str) -> None:
    def tell() -> None:
        from glidein.errors import ConfigError

        raise ConfigError.one(name, f"is left out: {_GONE[name]}", "See: annex --help")

    app.command(name, hidden=True, help=_GONE[name], epilog="Example: glidein annex --help")(tell)


for _name in _GONE:
    _gone(_name)


def main() -> None:
    """Run `annex` as a program of its own."""
    from glidein import cli

    cli.run(app)


if __name__ == "__main__":
    main()

"""`glidein runtime`: get, keep, check and pack the HTCondor that pilots run."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from glidein.cli import output

if TYPE_CHECKING:
    from glidein.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="Get and pack the HTCondor that pilots run.")

AS_JSON = typer.Option(False, "--json", help="Print JSON.")
WHICH = typer.Argument("default", help="A runtime's id, or how it begins.")


@app.command(
    epilog="Example: glidein runtime get condor-23.9.6.tar.gz --sha256 0123abcd...",
)
def get(
    source: str = typer.Argument(
        None,
        help="host, cache, debian, official, or a tarball's file or URL; none: the first of these"
        " that works.",
    ),
    sha256: str = typer.Option("", help="What the tarball's SHA-256 must be."),
    suite: str = typer.Option("trixie", help="The Debian suite whose HTCondor to take."),
    prefix: Path = typer.Option(
        None, help="host: the folder HTCondor is installed in; it has sbin/condor_master."
    ),
    refresh: bool = typer.Option(
        False, "--refresh", help="debian: ask again, even if the cache has it."
    ),
    accept_expired: bool = typer.Option(
        False, "--accept-expired", help="debian: take an index that is past its date."
    ),
    as_json: bool = AS_JSON,
) -> None:
    """Get an HTCondor release into the cache, check it, and say which it is and where it is from.

    It becomes the default one. An HTCondor on the host is not copied but recorded by links.
    """
    from glidein import runtime

    found = runtime.get(
        source,
        sha256=sha256,
        suite=suite,
        prefix=prefix,
        refresh=refresh,
        expired=accept_expired,
        progress=output.progress,
    )
    _show(found, as_json=as_json)


@app.command("list", epilog="Example: glidein runtime list --json")
def list_(as_json: bool = AS_JSON) -> None:
    """List the runtimes in the cache."""
    from glidein import runtime

    found = runtime.list_runtimes()
    if as_json:
        output.print_json(found)
        return
    rows = [[each.id, each.version, each.source, each.root] for each in found]
    output.print_table(
        ["id", "version", "source", "folder"], rows, "No runtime yet: glidein runtime get"
    )


@app.command(epilog="Example: glidein runtime show 23.9.6")
def show(which: str = WHICH, as_json: bool = AS_JSON) -> None:
    """Show one runtime of the cache."""
    from glidein import runtime

    _show(runtime.find(which), as_json=as_json)


@app.command(epilog="Example: glidein runtime verify 23.9.6")
def verify(which: str = WHICH, as_json: bool = AS_JSON) -> None:
    """Hold every file of a runtime against its recorded SHA-256; exit code 1 if one differs."""
    from glidein import runtime

    found = runtime.find(which)
    problems = runtime.verify(found)
    if as_json:
        output.print_json({"id": found.id, "problems": problems})
    else:
        output.print_table(["file", "is"], [[p.path, p.message] for p in problems], "as recorded")
    if problems:
        output.progress(problems[0].remedy)
        raise typer.Exit(1)


@app.command(epilog="Example: glidein runtime pack -o pilot-runtime.tar.xz")
def pack(
    which: str = WHICH,
    out: Path = typer.Option(
        ..., "--output", "-o", help="The tarball to write, ending .tar.xz or .tar.gz."
    ),
) -> None:
    """Write the slim tarball that a pilot needs, and print its SHA-256."""
    from glidein import paths, runtime

    paths.writable(out, "--output")
    found = runtime.find(which)
    output.progress(f"packing HTCondor {found.version} ({found.source})")
    print(f"{runtime.pack(found, out)}  {out}")


@app.command(epilog="Example: glidein runtime remove 23.9.6-8d7956624060")
def remove(which: str = typer.Argument(..., help="A runtime's id, or how it begins.")) -> None:
    """Remove a runtime from the cache; one that a running pilot uses is refused."""
    from glidein import runtime
    from glidein.errors import ConfigError

    found = runtime.find(which)
    if busy := runtime.using(found):
        pids = ", ".join(map(str, busy))
        message = f"{found.id} is in use by running pilots, processes {pids}"
        raise ConfigError.one("RUNTIME", message, "See them with glidein list, end: glidein stop")
    runtime.remove(found)
    output.progress(f"removed {found.id}")


def _show(found: "Runtime", *, as_json: bool) -> None:
    if as_json:
        output.print_json(found)
        return
    facts: list[list[object]] = [
        ["id", found.id],
        ["version", found.version],
        ["source", found.source],
        ["platform", found.platform],
        ["folder", found.root],
        ["sha256", found.sha256],
    ]
    output.print_table(["what", "is"], facts)

"""`glidein check`: what is wrong with pool, token and runtime, in words."""

import typer

from glidein.cli import output

app = typer.Typer()


@app.command(epilog="Example: glidein check --pool cm.example.org --token-file ~/pilot.token")
def check(
    pool: str = typer.Option("", help="The pool's collector: HOST[:PORT][?sock=NAME]."),
    token_file: str = typer.Option("", help="The token that pilots would get."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Say what works and what does not, before anything is started; exit code 1 if a check fails.

    Looks at this installation, the runtime in the cache, the token, and what the pool itself says
    to that token. Starts nothing, and takes at most half a minute.
    """
    from glidein import check as checks
    from glidein import paths
    from glidein.model import FAIL, PoolAddress

    address = PoolAddress.parse(pool) if pool else None
    token = paths.given(token_file, "--token-file") if token_file else None
    found = []
    for finding in checks.run(address, token):
        found.append(finding)
        if not as_json:
            print(output.printable(str(finding)), flush=True)
    if as_json:
        output.print_json(found)
    if any(finding.verdict == FAIL for finding in found):
        raise typer.Exit(1)

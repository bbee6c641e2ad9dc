"""`glidein token`: create tokens for pilots, and read them."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from glidein.cli import output

if TYPE_CHECKING:
    from glidein.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="Create tokens for pilots, and read them.")


@app.command(
    epilog="Example: glidein token create --pool cm.example.org --lifetime 24h -o ~/pilot.token",
)
def create(
    out: Path = typer.Option(
        ..., "--output", "-o", help="The file to write; nobody else reads it."
    ),
    pool: str = typer.Option("", help="Fetch it from this pool's collector: HOST[:PORT]."),
    identity: str = typer.Option("", help="USER@DOMAIN; signed on this host, or asked for."),
    lifetime: str = typer.Option("12h", help="The pilot's life: 7200, 2h, 1d."),
    wait: str = typer.Option(
        "0", help="How long the request may wait in a queue before it starts."
    ),
    ask: bool = typer.Option(
        False, "--request", help="Ask --pool for it and wait for an administrator's approval."
    ),
) -> None:
    """Create a token that lets a pilot advertise itself, and nothing else.

    Without --identity the pool gives one for yourself (your own credential must allow it). With
    --identity it is signed with the key on this host, as a pool's administrator can; with --request
    as well, an administrator approves it elsewhere. It lives for wait + lifetime + 15 minutes.
    """
    from glidein import paths, quantities, tokens
    from glidein.errors import ConfigError
    from glidein.model import PoolAddress

    seconds = tokens.lifetime(
        quantities.parse_seconds(wait, "--wait"), quantities.parse_seconds(lifetime, "--lifetime")
    )
    address = PoolAddress.parse(pool) if pool else None
    if ask and (address is None or not identity):
        raise ConfigError.one("--request", "needs --pool and --identity", "Give both")
    if identity and not re.fullmatch(r"[^@\s]+@[^@\s]+", identity):
        raise ConfigError.one("--identity", f"{identity!r} is no identity", "Write USER@DOMAIN")
    paths.writable(out, "--output", new=True)
    found = _runtime()
    if ask and address is not None:
        output.progress("waiting for approval: condor_token_request_list shows the request")
        text = tokens.request(found, address, identity, seconds)
    elif identity:
        text = tokens.create(found, identity, seconds)
    else:
        text = tokens.fetch(found, address, seconds)
    tokens.write(text, out)
    claims = tokens.read(text)
    output.progress(f"{out}: token of {claims.subject}, {_until(claims.expires)}")


@app.command(epilog="Example: glidein token show ~/pilot.token --json")
def show(
    file: Path = typer.Argument(..., help="The token's file."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show what a token says of itself, never the token; whether the pool agrees: glidein check."""
    from glidein import tokens

    claims = tokens.read_file(file.expanduser())
    if as_json:
        output.print_json(claims)
        return
    rows = [
        ("subject", claims.subject),
        ("issuer", claims.issuer),
        ("authorizations", " ".join(claims.scope) or "all its subject has"),
        ("issued", claims.issued or "does not say"),
        ("expires", _until(claims.expires)),
        ("key", claims.key),
    ]
    output.print_table(["what", "is"], rows)


def _runtime() -> "Runtime":
    """Return the runtime in the cache; one is got only where there is none."""
    from glidein import runtime
    from glidein.errors import NotFoundError

    try:
        return runtime.find()
    except NotFoundError:
        return runtime.get(progress=output.progress)


def _until(expires: datetime | None) -> str:
    from glidein import quantities

    if expires is None:
        return "without an end"
    left = (expires - datetime.now(UTC)).total_seconds()
    if left < 0:
        return f"expired {quantities.show_seconds(-left)} ago"
    return f"good for {quantities.show_seconds(left)}"

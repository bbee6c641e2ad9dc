"""Tokens for pilots: made, fetched or requested with HTCondor's own commands, and read.

HTCondor's bindings have no call for it, so the runtime's condor_token_* programs do the work. A
token goes from their standard output into a 0600 file in a 0700 folder, and nowhere else.
"""

import base64
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glidein import process
from glidein.errors import AuthError, ConfigError, ObservationError
from glidein.model import PoolAddress

if TYPE_CHECKING:
    from glidein.runtime import Runtime

# What a pilot needs of a pool, and no more.
PILOT_SCOPE = ("READ", "ADVERTISE_STARTD", "ADVERTISE_MASTER")
MARGIN = 900  # seconds for clocks that differ and for draining
_TIMEOUT = 60.0
_LIMIT = 16384


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says of itself; the signature is the pool's to judge.

    `scope` is empty for a token that grants all its subject may do. Times are aware; `expires` is
    None for a token without an end.
    """

    subject: str
    issuer: str
    scope: tuple[str, ...]
    issued: datetime | None
    not_before: datetime | None
    expires: datetime | None
    key: str
    token_id: str

    @property
    def owner(self) -> str:
        """The subject's user name, without the domain."""
        return self.subject.partition("@")[0]

    def grants(self, authorization: str) -> bool:
        """Whether the scope lets the token be used for an authorization level."""
        return not self.scope or authorization in self.scope


def lifetime(wait: int, walltime: int) -> int:
    """Return the seconds a pilot's token must live: its wait in a queue, its life, a margin."""
    return wait + walltime + MARGIN


def read(text: str) -> Claims:
    """Return what a token says. Raises ConfigError for what is no IDTOKEN; never shows its text."""
    parts = text.strip().split(".")
    if len(parts) != 3 or len(text) > _LIMIT:
        raise _damaged("three parts joined by dots were expected")
    header, body = (_part(part) for part in parts[:2])
    if not isinstance(body.get("sub"), str):
        raise _damaged("it names no subject")
    scope = body.get("scope", "")
    words = scope.split() if isinstance(scope, str) else []
    return Claims(
        subject=body["sub"],
        issuer=str(body.get("iss", "")),
        scope=tuple(word.removeprefix("condor:/") for word in words),
        issued=_time(body.get("iat")),
        not_before=_time(body.get("nbf")),
        expires=_time(body.get("exp")),
        key=str(header.get("kid", "POOL")),
        token_id=str(body.get("jti", "")),
    )


def read_file(path: Path) -> Claims:
    """Return what the token in a file says. Raises ConfigError naming the file."""
    try:
        return read(path.read_text(encoding="ascii"))
    except OSError as error:
        raise ConfigError.one("--token-file", f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _damaged("it holds bytes that no token has") from error


def create(
    runtime: "Runtime", identity: str, seconds: int, scope: Sequence[str] = PILOT_SCOPE
) -> str:
    """Return a token signed with the key on this host; only a pool's administrator has that.

    Raises AuthError when the key cannot be read.
    """
    argv = [str(runtime.program("condor_token_create")), "-identity", identity]
    return _token(argv, scope, seconds, None)


def fetch(
    runtime: "Runtime", pool: PoolAddress | None, seconds: int, scope: Sequence[str] = PILOT_SCOPE
) -> str:
    """Return a token for ourselves from the pool's collector, or from the local schedd.

    It never outlives, nor out-ranks, the credential we show. Raises AuthError or ObservationError.
    """
    argv: list[str | Path] = [runtime.program("condor_token_fetch")]
    argv += ["-type", "COLLECTOR", "-pool", str(pool)] if pool else ["-type", "SCHEDD"]
    return _token(argv, scope, seconds, pool)


def request(
    runtime: "Runtime",
    pool: PoolAddress,
    identity: str,
    seconds: int,
    scope: Sequence[str] = PILOT_SCOPE,
    wait: float = 600,
) -> str:
    """Ask the pool for a token and wait until an administrator approves, at most `wait` seconds."""
    argv: list[str | Path] = [runtime.program("condor_token_request"), "-type", "COLLECTOR"]
    argv += ["-pool", str(pool), "-identity", identity]
    return _token(argv, scope, seconds, pool, wait)


def write(token: str, path: Path) -> None:
    """Write a token to a file that nobody else can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix=".token-", dir=path.parent)  # 0600 from the start
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token.strip() + "\n")
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _token(
    argv: Sequence[str | Path],
    scope: Sequence[str],
    seconds: int,
    pool: PoolAddress | None,
    wait: float = _TIMEOUT,
) -> str:
    words = [word for level in scope for word in ("-authz", level)]
    where = f"pool {pool}" if pool else "this host"
    try:
        said = process.run([*argv, "-lifetime", str(seconds), *words], timeout=wait, env=_env())
    except process.CommandError as error:
        told = " ".join((error.result.stderr or error.result.stdout).split())[-400:]
        if error.result.returncode == 124:
            raise ObservationError(f"{where} gave no token within {wait:g} s") from error
        if "connect" in told.lower() and "authent" not in told.lower():
            raise ObservationError(f"{where} cannot be reached: {told}") from error
        raise AuthError(f"{where} gives no token: {told}") from error
    token = said.stdout.strip().splitlines()[-1].strip() if said.stdout.strip() else ""
    read(token)
    return token


def _env() -> dict[str, str]:
    """Return the user's environment; where no HTCondor is configured, none is needed."""
    env = dict(os.environ)
    if "CONDOR_CONFIG" not in env and not Path("/etc/condor/condor_config").is_file():
        env["CONDOR_CONFIG"] = "/dev/null"
    return env


def _part(text: str) -> Mapping[str, Any]:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        plain = json.loads(raw)
    except ValueError as error:
        raise _damaged("a part of it cannot be decoded") from error
    if not isinstance(plain, dict):
        raise _damaged("a part of it is no JSON object")
    return plain


def _time(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _damaged(why: str) -> ConfigError:
    return ConfigError.one("token", f"it is no IDTOKEN: {why}", "Make one: glidein token create")

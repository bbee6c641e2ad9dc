"""Which token file a pilot is to get, and whether it is fit to be given away. Never prints one."""

import os
import re
import stat
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from glidein import paths, tokens
from glidein.errors import ConfigError

FIELD = "--token-file"
_MAKE = "Make one: glidein token create"
_FORM = re.compile(rb"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
_SKEW = timedelta(seconds=60)  # as much as a pilot forgives a token that begins later


def find(given: str | None, home: Path | None = None) -> Path:
    """Return the token file: the one given, or the only one in ~/.condor/tokens.d, as HTCondor has.

    Raises ConfigError when there is none or more than one, or when others could read it.
    """
    if given:
        return checked(paths.given(given, FIELD))
    folder = (home or Path.home()) / ".condor" / "tokens.d"
    try:
        found = sorted(each for each in folder.iterdir() if each.name[0] != "." and each.is_file())
    except FileNotFoundError:
        found = []
    except OSError as error:
        raise ConfigError.one(FIELD, f"{folder} cannot be read: {error.strerror}") from error
    if not found:
        raise ConfigError.one(FIELD, f"none was given and {folder} holds none", _MAKE)
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise ConfigError.one(FIELD, f"{folder} holds several: {names}", "Say which one")
    return checked(found[0])


def checked(path: Path) -> Path:
    """Return the path, made absolute, if it is a private file whose token a pilot would take.

    Whether the pool accepts the token only the pool can tell: glidein check asks it.
    """
    try:
        found = path.stat()
        text = path.read_bytes() if stat.S_ISREG(found.st_mode) else b""
    except OSError as error:
        raise ConfigError.one(FIELD, f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError.one(FIELD, f"{path} is no file")
    if found.st_uid not in (os.geteuid(), 0):
        raise ConfigError.one(FIELD, f"{path} belongs to somebody else")
    if found.st_mode & 0o077:
        raise ConfigError.one(FIELD, f"{path} can be read by others", f"chmod 600 '{path}'")
    if not text.strip():
        raise ConfigError.one(FIELD, f"{path} is empty", _MAKE)
    if trouble := _trouble(text, datetime.now(UTC)):
        raise ConfigError.one(FIELD, f"{path}: {trouble}", _MAKE)
    return path.absolute()


def _trouble(text: bytes, now: datetime) -> str:
    """Return why every pilot would refuse the token; nothing if none has a reason to."""
    if not _FORM.fullmatch(text.strip()):
        return "it is no IDTOKEN: three parts joined by dots were expected"
    try:
        claims = tokens.read(text.decode())
    except ConfigError as error:
        return error.problems[0].message
    if claims.expires is not None and claims.expires <= now:
        return f"it expired at {claims.expires:%Y-%m-%d %H:%M}Z"
    if claims.not_before is not None and claims.not_before > now + _SKEW:
        return f"it is not good before {claims.not_before:%Y-%m-%d %H:%M}Z"
    if not any(claims.grants(level) for level in ("ADVERTISE_STARTD", "DAEMON")):
        return f"its scope ({' '.join(claims.scope)}) does not let a pilot join"
    return ""


def alone(path: Path) -> "tempfile.TemporaryDirectory[str]":
    """Return a private folder that holds this one token: HTCondor takes folders, not files."""
    folder = tempfile.TemporaryDirectory(prefix="glidein-token-")
    Path(folder.name, "token").symlink_to(path.absolute())
    return folder

"""Which token file a pilot is to get, and whether it is fit to be given away. Never prints one."""

import os
import stat
import tempfile
from pathlib import Path

from glidein import paths
from glidein.errors import ConfigError

FIELD = "--token-file"


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
        raise ConfigError.one(
            FIELD, f"none was given and {folder} holds none", "Make one: glidein token create"
        )
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise ConfigError.one(FIELD, f"{folder} holds several: {names}", "Say which one")
    return checked(found[0])


def checked(path: Path) -> Path:
    """Return the path, made absolute, if it is a private, readable file that can hold a token."""
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
        raise ConfigError.one(FIELD, f"{path} is empty", "Make one: glidein token create")
    return path.absolute()


def alone(path: Path) -> "tempfile.TemporaryDirectory[str]":
    """Return a private folder that holds this one token: HTCondor takes folders, not files."""
    folder = tempfile.TemporaryDirectory(prefix="glidein-token-")
    Path(folder.name, "token").symlink_to(path.absolute())
    return folder

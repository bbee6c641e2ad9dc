"""Where Glidein keeps things: the XDG folders, and nothing outside them."""

import os
from pathlib import Path

from glidein.errors import ConfigError


def _xdg(variable: str, fallback: str) -> Path:
    given = os.environ.get(variable, "")
    # The XDG base directory specification says relative values are to be ignored.
    if given.startswith("/"):
        return Path(given) / "glidein"
    try:
        return Path.home() / fallback / "glidein"
    except RuntimeError as error:  # a number without a name, as containers give it
        raise ConfigError.one("HOME", "is not set", f"Set HOME or {variable}") from error


def cache() -> Path:
    """Return the folder of what can be fetched again: runtimes."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def state() -> Path:
    """Return the folder of what must not be lost: the ledger."""
    return _xdg("XDG_STATE_HOME", ".local/state")


def config() -> Path:
    """Return the folder of what the user wrote: systems."""
    return _xdg("XDG_CONFIG_HOME", ".config")


def given(text: str, field: str) -> Path:
    """Return the path that a user typed, absolute, `~` understood. Raises ConfigError."""
    try:
        path = Path(text).expanduser().absolute()
        path.exists()  # raises ValueError for what no path can hold
    except (RuntimeError, ValueError, OSError) as error:
        why = str(error).rstrip(".")
        raise ConfigError.one(field, f"{text!r} is no path: {why}", "Name another") from error
    return path


def writable(path: Path, field: str, *, new: bool = False) -> Path:
    """Return the path if a file can be written there, before it is made.

    Raises ConfigError; with `new` also where something is already.
    """
    try:
        if new and path.exists():
            remedy = "Remove it, or name another"
            raise ConfigError.one(field, f"{path} is there already", remedy)
        folder = path.absolute().parent
        while not folder.exists():
            folder = folder.parent
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) and not path.is_dir():
            return path
        why = "it is a folder" if path.is_dir() else "the folder is not yours to write to"
    except OSError as error:
        why = error.strerror or "no file can be there"
    raise ConfigError.one(field, f"{path} cannot be written: {why}", "Name a file elsewhere")


def private_folder(path: Path) -> Path:
    """Make `path` and its parents if needed, closed to everyone else (0700), and return it."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    return path

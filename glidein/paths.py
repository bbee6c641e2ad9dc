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
        raise ConfigError.one(field, f"{text!r} is no path: {error}") from error
    return path


def private_folder(path: Path) -> Path:
    """Make `path` and its parents if needed, closed to everyone else (0700), and return it."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    return path

"""Far places: a system's login host and as whom one logs in there. Pure.

A request's options in the ledger hold its place, so that whoever reads them later finds the way
back, and one system reached in two ways is two places.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from glidein.catalogue import System
from glidein.errors import ConfigError

PREFIX = "annex:"
# What ssh itself takes for a host and a user; an option of ssh's begins with a dash.
_HOST = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9._:%\[\]-]{0,253}", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_.][^\s@\x00-\x1f\x7f'\"`$;&|<>()\\]{0,63}")


@dataclass(frozen=True, slots=True)
class Place:
    """A system, the host one logs in to, and the user name there; without one ssh's own counts.

    `usual` says that neither was typed: then the system's name alone stands for the place.
    """

    system: str
    host: str
    user: str = ""
    usual: bool = True

    @property
    def provider(self) -> str:
        """The provider's name: annex:SYSTEM, with the login where that is not the usual one."""
        return f"{PREFIX}{self.system}" + ("" if self.usual else f"/{self.login}")

    @property
    def login(self) -> str:
        """The login as ssh's command line has it."""
        return f"{self.user}@{self.host}" if self.user else self.host

    def options(self) -> dict[str, str]:
        """Return what goes into a request's options."""
        return {"host": self.host, "user": self.user, "usual": str(int(self.usual))}


def of_request(provider: str, options: Mapping[str, str]) -> Place | None:
    """Return the place of a request from the ledger; None if it went somewhere else."""
    if not provider.startswith(PREFIX) or "host" not in options:
        return None
    system = provider.removeprefix(PREFIX).partition("/")[0]
    return Place(system, options["host"], options.get("user", ""), options.get("usual") != "0")


def find(
    system: System, host: str = "", user: str = "", knobs: Mapping[str, str] | None = None
) -> Place:
    """Return the way to a system: what was typed, else the user's knob, else the catalogue's.

    `knobs` are HTCondor's settings, of which HPC_ANNEX_<system>_HOST_NAME and _USER_NAME count.
    Raises ConfigError for what is no host or user, and where no host is known.
    """
    known = {key.upper(): value for key, value in (knobs or {}).items()}
    stem = f"HPC_ANNEX_{system.name}_".upper()
    usual_host = known.get(f"{stem}HOST_NAME", "") or next(iter(system.login.hosts), "")
    usual_user = known.get(f"{stem}USER_NAME", "")
    place = Place(
        system.name,
        _checked(host or usual_host, _HOST, "--login-host", "is no host name"),
        _checked(user or usual_user, _USER, "--login-name", "is no user name"),
        (host or usual_host, user or usual_user) == (usual_host, usual_user),
    )
    if not place.host:
        remedy = "Name it: --login-host HOST"
        raise ConfigError.one("--login-host", f"{system.title} has no login host", remedy)
    return place


def _checked(text: str, form: re.Pattern[str], field: str, wrong: str) -> str:
    if text and not form.fullmatch(text):
        raise ConfigError.one(field, f"{text!r} {wrong}", "Write it as ssh takes it")
    return text

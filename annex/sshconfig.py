"""How one logs in to a host, as the user's own OpenSSH configuration says.

`ssh -G` resolves it: Include, Match, patterns and canonical names are OpenSSH's to understand.
Where there is no ssh, annex.ssh reads ~/.ssh/config with what paramiko knows of it.
"""

import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from glidein import process
from glidein.errors import ConfigError

_HOST = re.compile(r"[A-Za-z0-9_\[:][A-Za-z0-9._:%\[\]-]{0,254}", re.ASCII)
_TAKEN_AS_NONE = frozenset(("none", "no", "false", ""))
# What only OpenSSH itself can do: the option, and the words that do not ask for it.
_FOREIGN = {
    "pkcs11provider": ("none",),
    "certificatefile": (),
    "hostbasedauthentication": ("no",),
    "verifyhostkeydns": ("false", "no"),
    "knownhostscommand": ("none",),
}


@dataclass(frozen=True, slots=True)
class Login:
    """A login: where to, as whom, by which keys and over which way.

    `host` is as typed, `hostname` what it stands for; `alias` is the name under which its host key
    is known. `jumps` are hosts to go through, in order, as USER@HOST:PORT; `command` is a program
    that is the connection instead. `identities` are key files as named, of which some may not be
    there; `known_hosts` the user's files, then the machine's. `checking` is StrictHostKeyChecking.
    `control_path` is where the user's own master connection may listen. `foreign` names options
    that only OpenSSH itself can follow.
    """

    host: str
    hostname: str
    port: int = 22
    user: str = ""
    alias: str = ""
    identities: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: str = ""
    jumps: tuple[str, ...] = ()
    command: str = ""
    known_hosts: tuple[Path, ...] = ()
    checking: str = "ask"
    timeout: int = 30
    control_path: str = ""
    foreign: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" if self.user else self.host

    @property
    def known_as(self) -> str:
        """The name under which known_hosts has the host's key."""
        name = self.alias or self.hostname
        return name if self.port == 22 or self.alias else f"[{name}]:{self.port}"


def checked_host(text: str, field_name: str = "--login-host") -> str:
    """Return what ssh can take for a host; an option of ssh's, which begins with a dash, is none.

    Raises ConfigError.
    """
    if not _HOST.fullmatch(text):
        raise ConfigError.one(field_name, f"{text[:80]!r} is no host name", "Write it as for ssh")
    return text


def resolve(host: str, user: str = "", options: Sequence[str] = ()) -> Login:
    """Return how to log in to a host; `options` are further words for ssh. Raises ConfigError.

    Without an ssh program only its name is known, and what is usual.
    """
    program = shutil.which("ssh")
    checked_host(host)
    if program is None:
        return usual(host, user)
    argv = [program, "-G", "-T", *options, *(["-l", user] if user else []), "--", host]
    try:
        said = process.run(argv, timeout=30)
    except process.CommandError as error:
        told = " ".join((error.result.stderr or error.result.stdout).split())[-300:]
        remedy = f"Try it: ssh -G {host}"
        raise ConfigError.one("~/.ssh/config", f"ssh cannot read it: {told}", remedy) from error
    return parse(host, said.stdout)


_JUMP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@\s]+)@)?(?P<host>\[[^\]]+\]|[^:\s]+)(?::(?P<port>\d+))?/?"
)


def hop(login: Login) -> Login:
    """Return how to log in to the last hop before a host. Raises ConfigError."""
    last = login.jumps[-1]
    found = _JUMP.fullmatch(last)
    if found is None:
        raise ConfigError.one("ProxyJump", f"{last!r} is no host", "Write [USER@]HOST[:PORT]")
    options = ["-p", found["port"]] if found["port"] else []
    there = resolve(found["host"].strip("[]"), found["user"] or "", options)
    return replace(there, jumps=login.jumps[:-1] or there.jumps)


def usual(host: str, user: str = "") -> Login:
    """Return what holds where nothing is configured."""
    home = Path.home() / ".ssh"
    keys = tuple(home / f"id_{kind}" for kind in ("ed25519", "ecdsa", "rsa"))
    known = (home / "known_hosts", Path("/etc/ssh/ssh_known_hosts"))
    return Login(host, host, user=user, identities=keys, known_hosts=known)


def parse(host: str, said: str) -> Login:
    """Read what `ssh -G` printed: a line each, the option in small letters and its value."""
    found: dict[str, list[str]] = {}
    for line in said.splitlines():
        name, _, value = line.strip().partition(" ")
        found.setdefault(name.lower(), []).append(value.strip())

    def one(name: str) -> str:
        value = found.get(name, [""])[0]
        return "" if value.lower() in _TAKEN_AS_NONE else value

    hostname = one("hostname") or host
    return Login(
        host,
        hostname,
        port=_number(one("port"), 22),
        user=one("user"),
        alias=one("hostkeyalias"),
        identities=tuple(_path(each) for each in found.get("identityfile", []) if each != "none"),
        identities_only=one("identitiesonly") != "",
        agent=found.get("identityagent", [""])[0],
        jumps=tuple(each.strip() for each in one("proxyjump").split(",") if each.strip()),
        command=_expanded(one("proxycommand"), host, hostname, found),
        known_hosts=_files(found, "userknownhostsfile") + _files(found, "globalknownhostsfile"),
        checking=_checking(found.get("stricthostkeychecking", ["ask"])[0]),
        timeout=_number(one("connecttimeout"), 30),
        control_path=one("controlpath"),
        foreign=_foreign(found),
    )


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and int(text[:9]) > 0 else otherwise


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except (RuntimeError, ValueError):
        return Path(text)


def _files(found: Mapping[str, Sequence[str]], name: str) -> tuple[Path, ...]:
    """Return the files of a list; ssh -G quotes none, so a blank in a name cannot be told."""
    words = found.get(name, [""])[0]
    try:
        parts = shlex.split(words)
    except ValueError:
        parts = words.split()
    return tuple(_path(each) for each in parts if each != "none")


def _checking(word: str) -> str:
    known = {"true": "yes", "yes": "yes", "accept-new": "accept-new", "ask": "ask"}
    return known.get(word.lower(), "ask")  # "no" and "off" are asked as well: never a silent yes


def _expanded(text: str, host: str, hostname: str, found: Mapping[str, Sequence[str]]) -> str:
    """Return a ProxyCommand with its percent signs filled in, quoted for the shell that runs it."""
    port, user = found.get("port", ["22"])[0], found.get("user", [""])[0]
    values = {"%": "%", "h": hostname, "n": host, "p": port, "r": user}

    def fill(match: re.Match[str]) -> str:
        value = values.get(match[1])
        return match[0] if value is None else value if match[1] == "%" else shlex.quote(value)

    return re.sub(r"%(.)", fill, text)


def _foreign(found: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    return tuple(
        f"{name} {value}"
        for name, harmless in _FOREIGN.items()
        for value in found.get(name, [])
        if value.lower() not in harmless
    )

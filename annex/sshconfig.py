"""What the user's ssh configuration says of a host, as `ssh -G` resolves it.

So Include, Match, aliases and the system's file mean here what they mean to the ssh program.
"""

import os
import pwd
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from glidein import process
from glidein.errors import ConfigError

METHODS = ("publickey", "keyboard-interactive", "password")
_SWITCHES = {
    "publickey": "pubkeyauthentication",
    "keyboard-interactive": "kbdinteractiveauthentication",
    "password": "passwordauthentication",
}
# What only the ssh program can do, by the keyword that asks for it, unless it has this value.
_FOREIGN = {
    "pkcs11provider": "none",
    "securitykeyprovider": "internal",
    "certificatefile": "none",
    "knownhostscommand": "none",
    "revokedhostkeys": "none",
    "proxyusefdpass": "no",
}
_TOKEN = re.compile(r"%(.)|\$\{(\w+)\}")
_USER = re.compile(r"(?!-)[^\s\0-\x1f'\"`$;&<>|(){}]*")
_HOST = re.compile(r"[^-\s\0-\x1f'\"`$\\;&<>|(){}/][^\s\0-\x1f'\"`$\\;&<>|(){}/]*")


@dataclass(frozen=True, slots=True)
class Login:
    """How a host is entered: the host as it was typed, and what the configuration makes of it."""

    host: str
    hostname: str
    port: int = 22
    user: str = ""
    host_key_alias: str = ""
    identity_files: tuple[Path, ...] = ()
    identities_only: bool = False
    identity_agent: str = ""
    proxy_jump: tuple[str, ...] = ()
    proxy_command: str = ""
    user_known_hosts: tuple[Path, ...] = ()
    global_known_hosts: tuple[Path, ...] = ()
    host_key_checking: str = "ask"
    host_key_algorithms: tuple[str, ...] = ()
    connect_timeout: float = 30.0
    control_path: str = ""
    preferred_authentications: tuple[str, ...] = METHODS
    batch_mode: bool = False
    remote_command: bool = False
    foreign: tuple[str, ...] = ()
    config: Path | None = None

    @property
    def known_as(self) -> tuple[str, int]:
        """The name and port by which known_hosts files know the host: an alias has no port."""
        return (self.host_key_alias, 22) if self.host_key_alias else (self.hostname, self.port)

    def expand(self, text: str) -> str:
        """Return the text with ssh's percent tokens, ${NAME} and a leading ~ replaced."""
        tokens = {
            "%": "%",
            "h": self.hostname,
            "n": self.host,
            "k": self.host_key_alias or self.host,
            "p": str(self.port),
            "r": self.user,
            "d": str(_home()),
            "u": _me(),
            "i": str(os.getuid()),
        }
        return _TOKEN.sub(lambda found: _token(found, tokens), _tilde(text))


def checked_host(host: str) -> str:
    """Return the host's name; raises ConfigError for one that no host can have.

    A name that begins with '-' would be an option to the ssh program.
    """
    if not _HOST.fullmatch(host):
        raise ConfigError.one("host", f"{host!r} is no name of a host")
    return host


def hop(text: str) -> tuple[str, str, int]:
    """Return (user, host, port) of one hop of ProxyJump; no user is "", no port is 0."""
    user, _, rest = text.removeprefix("ssh://").rstrip("/").rpartition("@")
    if found := re.fullmatch(r"\[([^\]]+)\](?::([0-9]{1,5}))?|([^:]+):([0-9]{1,5})", rest):
        return user, checked_host(found[1] or found[3]), int(found[2] or found[4] or 0)
    return user, checked_host(rest), 0


def resolve(host: str, user: str = "", *, port: int = 0, config: Path | None = None) -> Login:
    """Return how the user's configuration enters the host; `config` is another file of it.

    Where there is no ssh program, ~/.ssh/config is read by paramiko. Raises ConfigError.
    """
    if not _USER.fullmatch(user):
        raise ConfigError.one("user", f"{user!r} is no name of a user on {host}")
    argv: list[str | Path] = ["ssh", "-G"]
    argv += ["-F", config] if config else []
    argv += ["-l", user] if user else []
    argv += ["-p", str(port)] if port else []
    try:
        said = process.run([*argv, "--", checked_host(host)], timeout=30, check=False)
    except process.CommandError as error:
        if error.result.returncode != 127:
            raise ConfigError.one("ssh", str(error)) from error
        return _without_program(host, user, port, config)
    if not said.ok:
        raise ConfigError.one("ssh", f"the configuration for {host}: {said.stderr.strip()}")
    return finished(host, said.stdout, config)


def _without_program(host: str, user: str, port: int, config: Path | None) -> Login:
    from annex import ssh

    text = ssh.read_config(host, config or _home() / ".ssh/config")
    login = finished(host, text, config)
    return replace(login, user=user or login.user or _me(), port=port or login.port)


def finished(host: str, text: str, config: Path | None) -> Login:
    """Return the login that the text describes, with what the files on this machine add."""
    login = parse(text, host)
    files = tuple(Path(login.expand(str(name))) for name in login.identity_files)
    foreign = list(login.foreign)
    if "GSSAPIAuthentication" in foreign and not _has_ticket():
        foreign.remove("GSSAPIAuthentication")
    foreign += [f"the key {name}" for name in files if _only_for_ssh(name)]
    return replace(login, identity_files=files, foreign=tuple(foreign), config=config)


def parse(text: str, host: str = "") -> Login:
    """Return what the words of `ssh -G` say; a line that is not understood changes nothing."""
    said: dict[str, list[str]] = {}
    for line in text.splitlines():
        word, _, value = line.strip().partition(" ")
        if value.strip():
            said.setdefault(word.lower(), []).append(value.strip())

    def one(word: str, otherwise: str = "") -> str:
        return said.get(word, [otherwise])[0]

    def chosen(word: str) -> str:
        return "" if one(word).lower() == "none" else one(word)

    wanted = one("preferredauthentications", ",".join(METHODS)).split(",")
    return Login(
        host=host or one("host"),
        hostname=one("hostname", host).lower(),
        port=_number(one("port"), 22),
        user=one("user"),
        host_key_alias=chosen("hostkeyalias").lower(),
        identity_files=tuple(Path(name) for name in said.get("identityfile", ()) if name != "none"),
        identities_only=_on(one("identitiesonly")),
        identity_agent=one("identityagent"),
        proxy_jump=tuple(hop for hop in chosen("proxyjump").split(",") if hop),
        proxy_command=chosen("proxycommand"),
        user_known_hosts=_paths(chosen("userknownhostsfile")),
        global_known_hosts=_paths(chosen("globalknownhostsfile")),
        host_key_checking=_checking(one("stricthostkeychecking", "ask")),
        host_key_algorithms=tuple(filter(None, one("hostkeyalgorithms").split(","))),
        connect_timeout=float(_number(one("connecttimeout"), 30)),
        control_path=chosen("controlpath"),
        preferred_authentications=tuple(
            name for name in wanted if name in METHODS and _on(one(_SWITCHES[name], "yes"))
        ),
        batch_mode=_on(one("batchmode")),
        remote_command=bool(chosen("remotecommand")),
        foreign=_foreign(one, wanted),
    )


def _foreign(one: Callable[[str, str], str], wanted: list[str]) -> tuple[str, ...]:
    found = [word for word, usual in _FOREIGN.items() if one(word, usual).lower() != usual]
    offered = "gssapi-with-mic" in wanted or wanted == list(METHODS)
    if _on(one("gssapiauthentication", "no")) and offered:
        found.append("GSSAPIAuthentication")
    return tuple(found)


def _only_for_ssh(name: Path) -> bool:
    """Whether a private key is there that paramiko cannot use: in hardware, or with a certificate.

    Looking must not raise: a folder on the way may be closed to us.
    """
    there = os.path.exists
    return there(name) and (name.stem.endswith("_sk") or there(f"{name}-cert.pub"))


def _has_ticket() -> bool:
    cache = os.environ.get("KRB5CCNAME", "")
    return bool(cache) or Path(f"/tmp/krb5cc_{os.getuid()}").exists()  # noqa: S108


def _checking(word: str) -> str:
    """Return one word for each way of checking: `ssh -G` says true and false, or yes and no."""
    same = {"true": "yes", "false": "no", "off": "no"}
    return same.get(word.lower(), word.lower())


def _on(word: str) -> bool:
    return word.lower() in ("yes", "true")


def _number(word: str, otherwise: int) -> int:
    return int(word) if re.fullmatch(r"[0-9]{1,9}", word, re.ASCII) and int(word) else otherwise


def _paths(value: str) -> tuple[Path, ...]:
    """Return the paths of a list; `ssh -G` leaves out the quotes of those that hold blanks."""
    return tuple(Path(_tilde(name)) for name in re.split(r"\s+(?=[/~])", value) if name)


def _tilde(text: str) -> str:
    return f"{_home()}{text[1:]}" if text == "~" or text.startswith("~/") else text


def _home() -> Path:
    """Return the home that ssh takes: the user's entry says it, not the environment."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path.home()


def _me() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _token(found: re.Match[str], tokens: dict[str, str]) -> str:
    if found[2]:
        return os.environ.get(found[2], found[0])
    return tokens.get(found[1], found[0])

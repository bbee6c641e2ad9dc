"""apt without root and without touching the system: fetches packages that it has checked."""

import re
from dataclasses import dataclass
from pathlib import Path

from glidein import process
from glidein.errors import RuntimeUnavailable

SOURCES = Path("/etc/apt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# The machine's own configuration is left out whole: its hooks would be run, and act on its own
# packages. What it says about reaching archives is taken over, then what keeps checks on is said.
_CONFIG = """\
Dir::State "{home}/state";
Dir::State::status "{home}/status";
Dir::State::Lists "{home}/lists";
Dir::Cache "{home}/cache";
Dir::Log "{home}/log";
Dir::Etc::sourcelist "{home}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::main "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "";
APT::Get::AllowUnauthenticated "false";
Acquire::Languages "none";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
{reach}
Acquire::Retries "2";
Acquire::Check-Valid-Until "{dated}";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Debug::NoLocking "true";
"""
_REACH = re.compile(r"Acquire::(https?|tor|socks5h?|ForceIPv[46])\b.* \".*\";")


@dataclass(frozen=True, slots=True)
class Archive:
    """A Debian archive that this machine uses: its address and the file of its keys, if named.

    `any_age`: its entry says that its index may be older than it says it is good for, as apt's
    check-valid-until=no does for copies that stand still. Signatures are checked all the same.
    """

    uri: str
    keys: str = ""
    any_age: bool = False


def archive(sources: Path = SOURCES) -> Archive:
    """Return the Debian archive named under `sources`, in either of apt's two formats.

    Archives of security fixes are passed over: they hold no full suite. Raises RuntimeUnavailable
    if none is named.
    """
    files = [sources / "sources.list", *sorted((sources / "sources.list.d").glob("*"))]
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        entries = _stanzas(text) if path.suffix == ".sources" else _lines(text)
        for entry in entries:
            if _is_debian(entry.uri):
                return entry
    raise RuntimeUnavailable(f"no Debian archive is named under {sources}")


def _lines(text: str) -> list[Archive]:
    found = re.findall(r"^deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s", text, re.MULTILINE)
    return [
        Archive(uri, _keys(options, "signed-by="), "check-valid-until=no" in options.split())
        for options, uri in found
    ]


def _keys(options: str, name: str) -> str:
    return next((o.removeprefix(name) for o in options.split() if o.startswith(name)), "")


def _stanzas(text: str) -> list[Archive]:
    found = []
    for stanza in re.split(r"\n\s*\n", re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE)):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(\S.*)$", stanza, re.MULTILINE))
        keys = fields.get("Signed-By", "")
        if "deb" in fields.get("Types", "").split() and fields.get("Enabled") != "no":
            keys = keys if keys.startswith("/") else ""
            any_age = fields.get("Check-Valid-Until", "").strip() == "no"
            found += [Archive(uri, keys, any_age) for uri in fields.get("URIs", "").split()]
    return found


def _is_debian(uri: str) -> bool:
    return re.search(r"(/debian/?|/debian\.list)$", uri) is not None


def download(
    package: str, suite: str, of: Archive, home: Path, *, expired: bool = False
) -> list[Path]:
    """Fetch a package and all it depends on into `home`; return the files, sorted.

    An index past its date is refused, for whoever serves it may be holding back corrections,
    unless `expired` says it is known that this mirror stands still. Raises RuntimeUnavailable with
    apt's words.
    """
    for name in ("state", "lists/partial", "cache/archives/partial", "log"):
        (home / name).mkdir(parents=True)
    (home / "status").touch()
    keys = of.keys or (str(KEYRING) if KEYRING.exists() else "")
    signed = f" signed-by={keys}" if keys else ""
    signed += " check-valid-until=no" if of.any_age else ""
    (home / "sources.list").write_text(f"deb [arch=amd64{signed}] {of.uri} {suite} main\n")
    env = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": str(home)}
    (home / "apt.conf").write_text(_config(home, env, expired=expired))
    env |= {"APT_CONFIG": str(home / "apt.conf"), "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-q", "--error-on=any"], env)
    _run(["apt-get", "install", "-q", "-y", "--download-only", package], env)
    return sorted((home / "cache" / "archives").glob("*.deb"))


def _config(home: Path, env: dict[str, str], *, expired: bool) -> str:
    return _CONFIG.format(home=home, reach=_reach(env), dated="false" if expired else "true")


def _reach(env: dict[str, str]) -> str:
    """Return the machine's settings for reaching archives: proxies, time-outs, certificates."""
    lines = process.run(["apt-config", "dump"], timeout=20, env=env, check=False).stdout
    return "\n".join(line for line in lines.splitlines() if _REACH.fullmatch(line))


def _run(argv: list[str], env: dict[str, str]) -> None:
    try:
        process.run(argv, timeout=600, env=env)
    except process.CommandError as error:
        hint = "\nIf this mirror stands still on purpose: --accept-expired"
        said = error.result.stdout + error.result.stderr
        raise RuntimeUnavailable(f"{error}{hint if 'is expired' in said else ''}") from error

"""HTCondor out of Debian's packages, as an ordinary user, on any machine that has apt.

apt is given folders of its own, so that nothing of the system is read or changed but its sources
of packages and its settings for reaching them; it checks the archive's signature. The packages are
unpacked, not installed.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from glidein import process
from glidein.errors import RuntimeUnavailable
from glidein.runtime import cache, elf, relocate
from glidein.runtime.cache import Runtime

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOURCES = Path("/etc/apt")
# Opened by name while running, so nothing links to them.
_OPENED = (
    "libssl.so.3",
    "libcrypto.so.3",
    "libcurl.so.4",
    "libSciTokens.so.0",
    "libmunge.so.2",
    "libkrb5.so.3",
    "libgssapi_krb5.so.2",
    "libk5crypto.so.3",
    "libkrb5support.so.0",
    "libcom_err.so.2",
    "libnss_files.so.2",
    "libnss_dns.so.2",
    "libgetpwnam.so",
    "libsqlite3.so.0",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libm.so.6",
    "libresolv.so.2",
    "libgcc_s.so.1",
    "libvomsapi.so.1",
    "libltdl.so.7",
)
_LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib", "lib/x86_64-linux-gnu", "usr/lib64", "lib64")
_OF_CONDOR = ("condor", "classad", "curl_plugin", "data_plugin", "stash_plugin", "sshd.sh")

_APT = """\
Dir::State "{home}/state";
Dir::State::status "{home}/status";
Dir::State::Lists "{home}/lists";
Dir::Cache "{home}/cache";
Dir::Etc::sourcelist "{home}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Log "{home}/log";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Retries "2";
Debug::NoLocking "true";
"""


def get(
    suite: str, where: Path, progress: Callable[[str], None], sources: Path = SOURCES
) -> Runtime:
    """Make a runtime of the suite's condor package in the cache `where`; see module docstring.

    Raises RuntimeUnavailable, with apt's words, if that cannot be done here.
    """
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise RuntimeUnavailable(f"there is no {tool} here")
    with cache.building(where) as folder:
        uri = _archive(sources)
        progress(f"fetching HTCondor from Debian {suite}")
        packages = _download(folder, suite, uri)
        progress(f"unpacking {len(packages)} packages")
        root = folder / "root"
        root.mkdir()
        for package in packages:
            _run(["dpkg", "-x", package, root])
        tree = folder / "tree"
        _collect(root, tree)
        relocate.prepare(tree)
        return cache.store(
            tree,
            where,
            {
                "VERSION": _version(packages),
                "SOURCE": f"Debian {suite}",
                "PLATFORM": "x86_64, own C library",
            },
        )


def _archive(sources: Path) -> str:
    """Return the address of the Debian archive that this machine uses."""
    files = [sources / "sources.list", *sorted((sources / "sources.list.d").glob("*"))]
    for path in (path for path in files if path.suffix in (".list", ".sources")):
        text = path.read_text(errors="replace") if path.is_file() else ""
        found = re.search(
            r"^(?:URIs:|deb(?:\s+\[[^]]*\])?)\s+(\S+/debian/?)(?=\s|$)", text, re.MULTILINE
        )
        if found:
            return found[1]
    raise RuntimeUnavailable(f"no Debian archive is named under {sources}")


def _download(folder: Path, suite: str, uri: str) -> list[Path]:
    home = folder / "apt"
    for name in ("state", "lists/partial", "cache/archives/partial", "log"):
        (home / name).mkdir(parents=True)
    (home / "status").touch()
    signed = f" [arch=amd64 signed-by={KEYRING}]" if KEYRING.exists() else " [arch=amd64]"
    (home / "sources.list").write_text(f"deb{signed} {uri} {suite} main\n")
    (home / "apt.conf").write_text(_APT.format(home=home))
    env = {"APT_CONFIG": str(home / "apt.conf"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    env |= {"LC_ALL": "C.UTF-8", "HOME": str(folder), "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-q", "--error-on=any"], env)
    _run(["apt-get", "install", "-q", "-y", "--download-only", "condor"], env)
    return sorted((home / "cache" / "archives").glob("*.deb"))


def _version(packages: list[Path]) -> str:
    name = next(path.name for path in packages if path.name.startswith("condor_"))
    return re.split(r"[+-]|%2b", name.split("_")[1])[0]


def _collect(root: Path, tree: Path) -> None:
    """Gather HTCondor's programs and every library they need into bin, sbin, libexec and lib."""
    for source, target in (
        ("usr/bin", "bin"),
        ("usr/sbin", "sbin"),
        ("usr/libexec/condor", "libexec"),
    ):
        (tree / target).mkdir(parents=True)
        for path in sorted((root / source).iterdir()):
            if path.is_file() and path.name.startswith(_OF_CONDOR):
                shutil.copy(path, tree / target / path.name)
    (tree / "lib").mkdir()
    template = root / "usr/lib/condor/condor_ssh_to_job_sshd_config_template"
    if template.exists():
        shutil.copy(template, tree / "lib")
    for name, path in sorted(_closure(root, tree).items()):
        shutil.copy(path, tree / "lib" / name)


def _closure(root: Path, tree: Path) -> dict[str, Path]:
    """Return every library needed, directly or not, by name."""
    found: dict[str, Path] = {}
    wanted = [relocate.LOADER.split("/")[1], *_OPENED]
    for folder in relocate.PROGRAM_FOLDERS:
        wanted += _needed_by(tree / folder)
    while wanted:
        name = wanted.pop()
        path = _library(root, name)
        if name in found or path is None:
            continue
        found[name] = path
        read = elf.read(path)
        wanted += read.needed if read else ()
    return found


def _needed_by(folder: Path) -> Iterator[str]:
    for path in folder.iterdir():
        read = elf.read(path)
        yield from read.needed if read else ()


def _library(root: Path, name: str) -> Path | None:
    for folder in _LIBRARIES:
        path = root / folder / name
        if path.is_symlink():
            path = path.parent / path.readlink() if not path.readlink().is_absolute() else (
                root / str(path.readlink()).lstrip("/")
            )  # fmt: skip
        if path.is_file():
            return path
    return None


def _run(argv: list[str | Path], env: dict[str, str] | None = None) -> None:
    try:
        process.run(argv, timeout=600, env=env)
    except process.CommandError as error:
        raise RuntimeUnavailable(str(error)) from error

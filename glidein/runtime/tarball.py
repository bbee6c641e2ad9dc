"""HTCondor out of a release tarball, official or our own slim one, given as a file or a URL."""

import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from glidein.errors import ConfigError, RuntimeUnavailable
from glidein.runtime import cache
from glidein.runtime.cache import Runtime

_PIECE = 1 << 20
_TIMEOUT = 60


def get(source: str, sha256: str, where: Path, progress: Callable[[str], None]) -> Runtime:
    """Make a runtime of a tarball in the cache `where`.

    Without `sha256` the digest is recorded on first use, with a warning, and another content from
    the same source is refused from then on. Raises RuntimeUnavailable or ConfigError.
    """
    with cache.building(where) as folder:
        archive = folder / "archive"
        if "://" in source:
            _fetch(source, archive, progress)
        else:
            _copy(Path(source), archive)
        found = cache.file_sha256(archive)
        _check(source, sha256, found, where, progress)
        root = _unpack(archive, folder / "root")
        return cache.store(
            root, where, {"VERSION": _version(root), "SOURCE": source, "PLATFORM": "tarball"}
        )


def _copy(source: Path, archive: Path) -> None:
    try:
        shutil.copyfile(source.expanduser(), archive)
    except OSError as error:
        raise ConfigError.one("runtime", f"{source} cannot be read: {error.strerror}") from error


def _fetch(url: str, archive: Path, progress: Callable[[str], None]) -> None:
    if not url.startswith(("http://", "https://", "file://")):
        raise ConfigError.one("runtime", f"{url!r} is no address", "Give an http(s) URL or a file")
    progress(f"fetching {url}")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer, archive.open("wb") as file:  # noqa: S310 - the scheme is checked above
            length = answer.headers.get("Content-Length")
            shutil.copyfileobj(answer, file, _PIECE)
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise RuntimeUnavailable(f"{url} cannot be fetched: {error}") from error
    if length is not None and archive.stat().st_size != int(length):
        raise RuntimeUnavailable(f"{url} was cut off: {archive.stat().st_size} of {length} bytes")


def _check(
    source: str, wanted: str, found: str, where: Path, progress: Callable[[str], None]
) -> None:
    """Hold the digest against what was given, or what was recorded when first used."""
    record = where / "first-use"
    known = {}
    if record.exists():
        known = dict(line.split(" ", 1)[::-1] for line in record.read_text().splitlines())
    expected = wanted.lower() or known.get(source, "")
    if expected and expected != found:
        raise RuntimeUnavailable(
            f"{source} has SHA-256 {found}, not {expected}; nothing was unpacked"
        )
    if not expected:
        progress(f"warning: nothing vouches for {source}; recorded its SHA-256 {found}")
        with record.open("a") as file:
            file.write(f"{found} {source}\n")


def _unpack(archive: Path, to: Path) -> Path:
    """Unpack an archive, refusing members that would land outside; return the one folder in it."""
    to.mkdir()
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(to, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise RuntimeUnavailable(f"the tarball cannot be unpacked: {error}") from error
    roots = [path for path in to.iterdir() if (path / "sbin" / "condor_master").exists()]
    if len(roots) != 1:
        raise RuntimeUnavailable("the tarball holds no folder with sbin/condor_master")
    return roots[0]


def _version(root: Path) -> str:
    parts = root.name.split("-")
    return next((part for part in parts if part[:1].isdigit()), "unknown")

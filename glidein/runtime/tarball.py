"""HTCondor out of a release tarball, official or our own slim one, given as a file or a URL."""

import http.client
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO

from glidein.errors import ConfigError, RuntimeUnavailable
from glidein.runtime import building, cache, facts, manifest, relocate
from glidein.runtime.cache import Runtime
from glidein.runtime.unpacking import unpack

_PIECE = 1 << 20
_TIMEOUT = 60
_RECORD = "first-use"

Say = Callable[[str], None]


def get(source: str, sha256: str, where: Path, progress: Say) -> Runtime:
    """Make a runtime of a tarball in the cache `where`.

    Without `sha256` the digest is recorded on first use, with a warning, and another content from
    the same source is refused from then on. With one, a runtime that was made of that very tarball
    is taken from the cache. Raises RuntimeUnavailable or ConfigError.
    """
    known = _made_of(sha256.lower(), where) if sha256 else None
    if known is not None:
        progress(f"this tarball is in the cache: {known.id}")
        return cache.use(known)
    with building.building(where) as folder:
        archive = folder / "archive"
        if "://" in source:
            _fetch(source, archive, progress)
        else:
            source = str(Path(source).expanduser().absolute())
            _copy(Path(source), archive)
        found = manifest.file_sha256(archive)
        _check(source, sha256.lower(), found, where, progress)
        root = _root(unpack(archive, folder / "root"))
        _check_own(root)
        about = {**facts.of(root), "SOURCE": source, "ARCHIVE": found}
        return cache.store(root, where, about)


def _made_of(sha256: str, where: Path) -> Runtime | None:
    for runtime in cache.list_runtimes(where):
        if cache.read_about(runtime.root).get("ARCHIVE") == sha256 and not cache.verify(runtime):
            return runtime
    return None


def _copy(source: Path, archive: Path) -> None:
    try:
        with source.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ConfigError.one("runtime", f"{source} cannot be read: {error.strerror}") from error
    shutil.copyfile(source, archive)


def _fetch(url: str, archive: Path, progress: Say) -> None:
    if not url.startswith(("http://", "https://", "file://")):
        raise ConfigError.one("runtime", f"{url!r} is no address", "Give an http(s) URL or a file")
    progress(f"fetching {url}")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer, archive.open("wb") as file:  # noqa: S310 - the scheme is checked above
            length = int(answer.headers.get("Content-Length") or 0)
            _pour(answer, file, length, progress)
    except urllib.error.URLError as error:
        raise RuntimeUnavailable(f"{url} cannot be fetched: {error.reason}") from error
    except (http.client.HTTPException, ValueError, TimeoutError, ConnectionError) as error:
        raise RuntimeUnavailable(f"{url} cannot be fetched: {error}") from error
    if length and archive.stat().st_size != length:
        raise RuntimeUnavailable(
            f"{url} was cut off: {archive.stat().st_size} of {length} bytes; try again"
        )


def _pour(answer: IO[bytes], file: IO[bytes], length: int, progress: Say) -> None:
    """Copy what comes, saying every quarter how much of `length` is there."""
    had = said = 0
    while piece := answer.read(_PIECE):
        file.write(piece)
        had += len(piece)
        if length and had * 4 // length > said:
            said = had * 4 // length
            progress(f"{had / 1e6:.1f} of {length / 1e6:.1f} MB")


def _check(source: str, wanted: str, found: str, where: Path, progress: Say) -> None:
    """Hold the digest against what was given, or what was recorded when first used."""
    with building.locked(where):
        record = where / _RECORD
        lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
        known = {name: digest for digest, _, name in (line.partition(" ") for line in lines)}
        expected = wanted or known.get(source, "")
        if expected and expected != found:
            raise RuntimeUnavailable(
                f"{source} has SHA-256 {found}, not {expected}; nothing was unpacked. If the"
                f" change is meant, say so: --sha256 {found}"
            )
        if not wanted and source not in known:
            progress(f"warning: nothing vouches for {source}; recorded its SHA-256 {found}")
        known[source] = found
        fresh = record.with_name(f".{_RECORD}")
        written = "".join(f"{digest} {name}\n" for name, digest in known.items())
        fresh.write_text(written, encoding="utf-8")
        fresh.replace(record)


def _root(to: Path) -> Path:
    """Return the one folder in an unpacked release."""
    roots = [path for path in to.iterdir() if (path / "sbin" / "condor_master").is_file()]
    if len(roots) != 1:
        raise RuntimeUnavailable("the tarball holds no folder with sbin/condor_master")
    return roots[0]


def _check_own(root: Path) -> None:
    """Hold our own slim tarball against the manifest that is in it."""
    try:
        recorded = manifest.parse((root / manifest.NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    relocate.unplace(root)
    if recorded != manifest.as_placed(root):
        raise RuntimeUnavailable("the tarball's files are not those that its manifest lists")

"""Getting a runtime from wherever one can be had."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from glidein import process
from glidein.errors import ConfigError, NotFoundError, RuntimeUnavailable
from glidein.runtime import apt, cache, debian, host, official, tarball
from glidein.runtime.cache import Runtime

# Quickest first; what is fetched comes last. "official" is the one release known here.
ORDER = ("host", "cache", "debian", "official")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_SUITE = re.compile(r"[a-z0-9][a-z0-9./-]*")


def _silent(_: str) -> None:
    """Say nothing."""


def get(
    source: str | None = None,
    *,
    sha256: str = "",
    suite: str = "trixie",
    prefix: Path | None = None,
    refresh: bool = False,
    expired: bool = False,
    where: Path | None = None,
    order: Sequence[str] = ORDER,
    apt_sources: Path = apt.SOURCES,
    progress: Callable[[str], None] = _silent,
) -> Runtime:
    """Return a runtime from `source`: one of ORDER, or a tarball's file or URL; every file checked.

    Without a source the first of `order` that works is taken. `sha256` is what a tarball must be,
    `suite` the Debian suite, `prefix` where on the host HTCondor is installed; with `refresh`
    Debian is asked again although its runtime is in the cache, with `expired` also if its index is
    past its date. Raises RuntimeUnavailable, saying
    why each source failed, and ConfigError for options that cannot be.
    """
    folder = where or cache.default_folder()
    if sha256 and not _SHA256.fullmatch(sha256):
        raise ConfigError.one("sha256", f"{sha256!r} is no SHA-256", "It has 64 hex digits")
    if not _SUITE.fullmatch(suite):
        raise ConfigError.one("suite", f"{suite!r} is no Debian suite", "For example trixie, sid")

    def from_debian() -> Runtime:
        known = None if refresh else debian.cached(suite, folder)
        if known is not None:
            return cache.use(known)
        return debian.get(suite, folder, progress, apt_sources, expired=expired)

    ways: dict[str, Callable[[], Runtime]] = {
        "host": lambda: host.get(folder, prefix),
        "cache": lambda: _from_cache(folder),
        "debian": from_debian,
        "official": lambda: _official(folder, progress),
    }
    if source is None:
        return _first(ways if prefix is None else {"host": ways["host"]}, order, progress)
    found = ways[source]() if source in ways else tarball.get(source, sha256, folder, progress)
    trouble = _trouble(found)
    if trouble:  # it may be meant for another machine
        progress(f"warning: {trouble}")
    return found


def _trouble(found: Runtime) -> str:
    """Return why the runtime does not run on this machine, nothing if it does."""
    try:
        master = found.program("condor_master")
        process.run([master, "-version"], timeout=20, env={"CONDOR_CONFIG": "/dev/null"})
    except (process.CommandError, RuntimeUnavailable) as error:
        return f"{found.id} does not run on this machine: {error}"
    return ""


def _from_cache(folder: Path) -> Runtime:
    try:
        return cache.checked(cache.find(cache=folder))
    except NotFoundError:
        raise RuntimeUnavailable(f"{folder} holds no runtime yet") from None


def _official(folder: Path, progress: Callable[[str], None]) -> Runtime:
    release = official.RELEASE
    return tarball.get(release.url, release.sha256, folder, progress)


def _first(
    ways: dict[str, Callable[[], Runtime]], order: Sequence[str], progress: Callable[[str], None]
) -> Runtime:
    troubles = []
    for name in (name for name in order if name in ways):
        try:
            found = ways[name]()
            trouble = _trouble(found)
        except RuntimeUnavailable as error:
            trouble = str(error)
        if not trouble:
            progress(f"HTCondor {found.version} from {name}")
            return found
        troubles.append(f"{name}: {trouble}")
        progress(f"not from {troubles[-1].splitlines()[0]}")
    raise RuntimeUnavailable(
        "no HTCondor could be had:\n"
        + "\n".join(troubles)
        + "\nGive a release tarball: glidein runtime get FILE_OR_URL --sha256 DIGEST"
    )

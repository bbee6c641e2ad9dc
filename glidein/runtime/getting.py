"""Getting a runtime from wherever one can be had."""

import re
from collections.abc import Callable
from pathlib import Path

from glidein.errors import ConfigError, GlideinError, NotFoundError, RuntimeUnavailable
from glidein.runtime import cache, debian, host, tarball
from glidein.runtime.cache import Runtime

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def _silent(_: str) -> None:
    """Say nothing."""


def get(
    source: str | None = None,
    *,
    sha256: str = "",
    suite: str = "trixie",
    where: Path | None = None,
    progress: Callable[[str], None] = _silent,
) -> Runtime:
    """Return a runtime from `source`: "host", "cache", "debian", or a tarball's file or URL.

    Without a source the first that works is taken: host, cache, Debian's packages. Raises
    RuntimeUnavailable, saying why each of them failed, and ConfigError for a malformed `sha256`.
    """
    folder = where or cache.default_folder()
    if sha256 and not _SHA256.fullmatch(sha256):
        raise ConfigError.one("sha256", f"{sha256!r} is no SHA-256", "It has 64 hex digits")
    if source is None:
        return _first(folder, suite, progress)
    ways: dict[str, Callable[[], Runtime]] = {
        "host": host.get,
        "cache": lambda: cache.find(cache=folder),
        "debian": lambda: _debian(folder, suite, progress),
    }
    if source in ways:
        return ways[source]()
    return tarball.get(source, sha256, folder, progress)


def _debian(folder: Path, suite: str, progress: Callable[[str], None]) -> Runtime:
    """Return the suite's runtime; one that is in the cache is not fetched again."""
    wanted = f"Debian {suite}"
    known = [found for found in cache.list_runtimes(folder) if found.source == wanted]
    return known[-1] if known else debian.get(suite, folder, progress)


def _first(folder: Path, suite: str, progress: Callable[[str], None]) -> Runtime:
    troubles = []
    for name in ("host", "cache", "debian"):
        try:
            return get(name, suite=suite, where=folder, progress=progress)
        except (RuntimeUnavailable, NotFoundError) as error:
            troubles.append(f"{name}: {error}")
        except GlideinError as error:
            troubles.append(f"{name}: {error}")
    raise RuntimeUnavailable(
        "no HTCondor could be had:\n"
        + "\n".join(troubles)
        + "\nGive a release tarball: glidein runtime get FILE_OR_URL --sha256 DIGEST"
    )

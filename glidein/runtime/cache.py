"""The cache of runtimes: one folder each, named by version and content, complete or not there.

A runtime is built in a folder `.new-*` beside its place and renamed into it. Whoever builds holds a
lock; a folder whose lock is free belongs to somebody who was killed, and is swept. `manifest` has
the form of sha256sum(1), `about` lines KEY='value', so that the payload can use the cache too; the
link `default` points at the runtime got last.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from glidein import paths, quoting
from glidein.errors import NotFoundError, Problem, RuntimeUnavailable
from glidein.runtime import relocate

_FOLDERS = ("bin", "sbin", "libexec", "libexec/condor")


@dataclass(frozen=True, slots=True)
class Runtime:
    """An HTCondor release a pilot can run: where it lies and what it is.

    `sha256` is the digest of its manifest before it was placed: equal content, equal digest.
    """

    id: str
    version: str
    source: str
    platform: str
    root: Path
    sha256: str

    def program(self, name: str) -> Path:
        """Return the path of one of its programs. Raises RuntimeUnavailable if it has none."""
        for folder in _FOLDERS:
            path = self.root / folder / name
            if path.exists():
                return path
        raise RuntimeUnavailable(f"HTCondor {self.version} ({self.source}) has no {name}")


def default_folder() -> Path:
    """Return where runtimes are kept."""
    return paths.cache() / "runtimes"


@contextmanager
def building(cache: Path) -> Iterator[Path]:
    """Yield an empty folder to build in; it is removed at the end, and swept if we are killed."""
    _sweep(cache)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=cache))
    except OSError as error:
        raise RuntimeUnavailable(f"the cache {cache} cannot be written: {error}") from error
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    except OSError as error:
        raise RuntimeUnavailable(f"no runtime could be made in {cache}: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def store(tree: Path, cache: Path, about: Mapping[str, str]) -> Runtime:
    """Move a finished tree into the cache and return it; what is there already is used."""
    digest = hashlib.sha256(manifest(tree).encode()).hexdigest()
    version = about["VERSION"]
    final = cache / f"{version}-{digest[:12]}"
    if not final.exists():
        relocate.place(tree, final)
        lines = {**about, "SHA256": digest}
        (tree / "about").write_text("".join(quoting.conf_line(k, v) for k, v in lines.items()))
        (tree / "manifest").write_text(manifest(tree))
        tree.chmod(0o755)
        with suppress(FileExistsError, OSError):
            tree.rename(final)
    if not final.exists():
        raise RuntimeUnavailable(f"{final} could not be written")
    _point_default(cache, final)
    return load(final)


def load(root: Path) -> Runtime:
    """Return the runtime in a folder of the cache. Raises NotFoundError if it is none."""
    try:
        lines = (root / "about").read_text().splitlines()
    except OSError:
        raise NotFoundError(f"there is no runtime in {root}") from None
    about = {k: v[1:-1] for k, _, v in (line.partition("=") for line in lines)}
    return Runtime(
        root.name,
        about.get("VERSION", ""),
        about.get("SOURCE", ""),
        about.get("PLATFORM", ""),
        root,
        about.get("SHA256", ""),
    )


def list_runtimes(cache: Path | None = None) -> tuple[Runtime, ...]:
    """Return what the cache holds, by name."""
    folder = cache or default_folder()
    roots = sorted(p.parent for p in folder.glob("[!.]*/about") if not p.parent.is_symlink())
    return tuple(load(root) for root in roots)


def find(prefix: str = "default", cache: Path | None = None) -> Runtime:
    """Return the runtime whose id begins with `prefix`. Raises NotFoundError unless it is one."""
    folder = cache or default_folder()
    if prefix == "default" and (folder / "default" / "about").exists():
        return load((folder / "default").resolve())
    found = [runtime for runtime in list_runtimes(folder) if runtime.id.startswith(prefix)]
    if len(found) != 1:
        what = "no" if not found else f"{len(found)} runtimes, not one,"
        raise NotFoundError(f"{what} runtime {prefix!r} in {folder}; see: glidein runtime list")
    return found[0]


def verify(runtime: Runtime) -> tuple[Problem, ...]:
    """Return every file that is missing, changed or was added since the runtime was made."""
    recorded = _sums((runtime.root / "manifest").read_text())
    now = _sums(manifest(runtime.root))
    remedy = f"Remove it and get it again: glidein runtime remove {runtime.id}"
    wrong = {name: "changed" for name in now if now[name] != recorded.get(name, now[name])}
    wrong |= dict.fromkeys(recorded.keys() - now.keys(), "missing")
    wrong |= dict.fromkeys(now.keys() - recorded.keys(), "added")
    return tuple(Problem(name, what, remedy) for name, what in sorted(wrong.items()))


def remove(runtime: Runtime) -> None:
    """Remove a runtime; killed half-way, what is left is swept later."""
    hidden = runtime.root.with_name(f".new-removed-{runtime.id}-{os.getpid()}")
    link = runtime.root.parent / "default"
    if link.is_symlink() and link.resolve() == runtime.root.resolve():
        link.unlink()
    runtime.root.rename(hidden)
    shutil.rmtree(hidden)


def copy(runtime: Runtime, to: Path) -> Path:
    """Copy a runtime to a folder and make it run there; return the folder."""
    shutil.copytree(runtime.root, to, symlinks=True)
    to.chmod(0o755)
    relocate.place(to, to)
    return to


def manifest(tree: Path) -> str:
    """Return the sums of every file under `tree`, sorted, as sha256sum prints them."""
    files = (path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    names = sorted(str(path.relative_to(tree)) for path in files)
    kept = (name for name in names if name not in ("manifest", "about"))
    return "".join(f"{file_sha256(tree / name)}  {name}\n" for name in kept)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sums(text: str) -> dict[str, str]:
    pairs = (line.split("  ", 1) for line in text.splitlines())
    return {name: digest for digest, name in pairs}


def _point_default(cache: Path, final: Path) -> None:
    link = cache / f".default-{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(final.name)
    link.replace(cache / "default")


def _sweep(cache: Path) -> None:
    for folder in cache.glob(".new-*"):
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)

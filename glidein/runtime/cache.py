"""The cache of runtimes: one folder each, named by version and content, complete or not there.

A runtime is built in a folder `.new-*` beside its place, brought to disk and renamed into it.
Whoever builds holds a lock; a folder whose lock is free belongs to somebody who was killed, and is
swept. `manifest` has the form of sha256sum(1), `about` lines KEY='value', so that the payload can
use the cache too; the link `default` points at the runtime got last.
"""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from glidein import paths, quoting
from glidein.errors import NotFoundError, Problem, RuntimeUnavailable
from glidein.runtime import manifest, relocate
from glidein.runtime.building import building, discard, sync

__all__ = ["Runtime", "building", "checked", "copy", "default_folder", "find", "list_runtimes",
           "load", "remove", "store", "use", "verify"]  # fmt: skip

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
            if path.is_file():
                return path
        raise RuntimeUnavailable(f"HTCondor {self.version} ({self.source}) has no {name}")


def default_folder() -> Path:
    """Return where runtimes are kept."""
    return paths.cache() / "runtimes"


def store(tree: Path, cache: Path, about: Mapping[str, str]) -> Runtime:
    """Move a finished tree into the cache and return it; what is there already is used if sound.

    `about` tells VERSION, SOURCE, PLATFORM and, of a tarball, ARCHIVE, its SHA-256.
    """
    digest = manifest.identity(tree)
    final = cache / f"{about['VERSION']}-{digest[:12]}"
    if not _sound(final):
        relocate.place(tree, final)
        lines = {**about, "SHA256": digest}
        written = "".join(quoting.conf_line(key, value) for key, value in lines.items())
        (tree / manifest.ABOUT).write_text(written, encoding="utf-8")
        manifest.write(tree)
        tree.chmod(0o755)
        sync(tree)
        _swap_in(tree, final)
    return use(load(final))


def _sound(root: Path) -> bool:
    try:
        return not verify(load(root))
    except NotFoundError:
        return False


def _swap_in(tree: Path, final: Path) -> None:
    """Rename the tree to its place; a broken runtime there makes room, a sound one stays."""
    if final.exists():
        discard(final)
    try:
        tree.rename(final)
    except OSError:
        if not _sound(final):  # not another get that was quicker
            raise
    descriptor = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(root: Path) -> Runtime:
    """Return the runtime in a folder of the cache. Raises NotFoundError if it is none."""
    about = read_about(root)
    if not about:
        raise NotFoundError(f"there is no runtime in {root}")
    return Runtime(
        root.name,
        about.get("VERSION", ""),
        about.get("SOURCE", ""),
        about.get("PLATFORM", ""),
        root,
        about.get("SHA256", ""),
    )


def read_about(root: Path) -> dict[str, str]:
    """Return what a runtime's `about` tells; nothing where there is none."""
    try:
        text = (root / manifest.ABOUT).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition("=") for line in text.splitlines())
    return {key: _unquoted(value) for key, _, value in pairs}


def _unquoted(value: str) -> str:
    """Return what quoting.conf_line put between the quotes."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], value[1:-1])


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Say what to do where the cache cannot be read."""
    try:
        yield
    except OSError as error:
        raise RuntimeUnavailable(
            f"the cache {folder} cannot be read: {error.strerror}; look with: ls -ld '{folder}', "
            "or set XDG_CACHE_HOME to a folder of yours"
        ) from error


def list_runtimes(cache: Path | None = None) -> tuple[Runtime, ...]:
    """Return what the cache holds, by name."""
    folder = cache or default_folder()
    with _readable(folder):
        roots = sorted(p.parent for p in folder.glob("[!.]*/about") if not p.parent.is_symlink())
    return tuple(load(root) for root in roots)


def find(prefix: str = "default", cache: Path | None = None) -> Runtime:
    """Return the runtime whose id, or SHA-256, begins with `prefix`.

    "default" is the one got last. Raises NotFoundError unless there is exactly one. Its files are
    not read; `checked` does that.
    """
    folder = cache or default_folder()
    if not prefix:
        raise NotFoundError("no runtime was named; see: glidein runtime list")
    with _readable(folder):
        if prefix == "default" and (folder / "default" / "about").exists():
            return load((folder / "default").resolve())
    found = [r for r in list_runtimes(folder) if r.id.startswith(prefix)
             or r.sha256.startswith(prefix)]  # fmt: skip
    exact = [runtime for runtime in found if runtime.id == prefix] or found
    if len(exact) != 1:
        what = "no" if not found else f"{len(found)} runtimes, not one,"
        raise NotFoundError(f"{what} runtime {prefix!r} in {folder}; see: glidein runtime list")
    return exact[0]


def verify(runtime: Runtime) -> tuple[Problem, ...]:
    """Return every file that is missing, changed or was added since the runtime was made.

    The manifest itself is held against the SHA-256 that the runtime is known by, so a change that
    was covered by writing the manifest anew is found too.
    """
    remedy = f"Remove it and get it again: glidein runtime remove {runtime.id}"
    try:
        recorded = manifest.parse((runtime.root / manifest.NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return (Problem(manifest.NAME, "cannot be read", remedy),)
    now = manifest.as_placed(runtime.root)
    wrong = {name: "changed" for name in now if now[name] != recorded.get(name, now[name])}
    wrong |= dict.fromkeys(recorded.keys() - now.keys(), "missing")
    wrong |= dict.fromkeys(now.keys() - recorded.keys(), "added")
    if not wrong:
        wrong = _deeper(runtime)
    return tuple(Problem(name, what, remedy) for name, what in sorted(wrong.items()))


def _deeper(runtime: Runtime) -> dict[str, str]:
    """Return what is wrong though every file is as the manifest says."""
    try:
        if runtime.sha256 != manifest.identity(runtime.root):
            return {manifest.NAME: "written anew: these files are not the ones that were got"}
        loader = relocate.placed_at(runtime.root)
        if loader is not None and not loader.samefile(runtime.root / relocate.LOADER):
            return {relocate.TABLE: f"placed for another folder, with the loader {loader}"}
    except (OSError, RuntimeUnavailable) as error:
        return {relocate.TABLE: f"its programs cannot run from this folder: {error}"}
    return {}


def checked(runtime: Runtime) -> Runtime:
    """Return the runtime if every file of it is as recorded. Raises RuntimeUnavailable if not."""
    problems = verify(runtime)
    if problems:
        first = problems[0]
        raise RuntimeUnavailable(f"{runtime.root}: {len(problems)} files are wrong; {first}")
    return runtime


def use(runtime: Runtime) -> Runtime:
    """Make the runtime the default one and return it."""
    link = runtime.root.with_name(f".default-{os.getpid()}")
    link.unlink(missing_ok=True)
    link.symlink_to(runtime.root.name)
    link.replace(runtime.root.with_name("default"))
    return runtime


def remove(runtime: Runtime) -> None:
    """Remove a runtime; killed half-way, what is left is swept later.

    The default then is the newest of those that are left. Raises NotFoundError for a folder that
    no cache holds, such as a copy.
    """
    link = runtime.root.with_name("default")
    if not (runtime.root / manifest.NAME).is_file() or runtime.root.is_symlink():
        raise NotFoundError(f"{runtime.root} is no runtime of a cache")
    was_default = link.is_symlink() and link.resolve() == runtime.root.resolve()
    try:
        discard(runtime.root)
    except OSError as error:
        raise RuntimeUnavailable(f"{runtime.root} cannot be removed: {error}") from error
    if was_default:
        left = list_runtimes(runtime.root.parent)
        newest = max(left, key=lambda r: r.root.stat().st_mtime, default=None)
        with suppress(FileNotFoundError):
            link.unlink()
        if newest is not None:
            use(newest)


def copy(runtime: Runtime, to: Path) -> Path:
    """Copy a runtime to a folder and make it run there; return the folder."""
    shutil.copytree(runtime.root, to, symlinks=True)
    to.chmod(0o755)
    relocate.place(to, to)
    manifest.write(to)
    return to

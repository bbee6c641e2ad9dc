"""The slim tarball that a pilot needs: placed with bash, coreutils, tar and gzip alone.

Of a runtime that brings its own C library it runs anywhere; so it does of an HTCondor installed on
the host, whose libraries are taken along. Of an official release it is that release, cut to what a
pilot needs, and wants a C library as new as the release does.
"""

import gzip
import lzma
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

from glidein.errors import ConfigError, RuntimeUnavailable
from glidein.runtime import assemble, manifest, relocate
from glidein.runtime.cache import Runtime

PROGRAMS = (
    "condor_master", "condor_startd", "condor_starter", "condor_procd", "condor_shared_port",
    "condor_gpu_discovery", "condor_config_val", "condor_ping", "condor_token_request",
    "condor_status", "condor_version", "condor_who", "condor_chirp", "curl_plugin",
)  # fmt: skip
# Small, and of use on the far side: draining by hand, looking at tokens, the PID namespace of jobs.
WELCOME = (
    "condor_drain", "condor_off", "condor_token_list", "condor_pid_ns_init", "condor_nsenter",
)  # fmt: skip
_ENDINGS = (".tar.xz", ".tar.gz")


def pack(runtime: Runtime, out: Path) -> str:
    """Write the slim tarball of a runtime to `out` and return its SHA-256.

    The ending says how it is compressed: .tar.xz or .tar.gz. The same runtime gives the same
    bytes. `out` is whole or is not there. Raises ConfigError for another ending or a folder that
    is not there, RuntimeUnavailable if a needed program is missing or the disk is full.
    """
    if not out.name.endswith(_ENDINGS):
        raise ConfigError.one("-o", f"{out.name!r} is no .tar.xz or .tar.gz", "Choose one")
    if not out.absolute().parent.is_dir():
        raise ConfigError.one("-o", f"there is no folder {out.absolute().parent}", "Make it first")
    try:
        with tempfile.TemporaryDirectory(prefix="glidein-pack-") as folder:
            tree = Path(folder) / f"condor-{runtime.version}-slim"
            _select(runtime, tree)
            shutil.copyfile(runtime.root / manifest.ABOUT, tree / manifest.ABOUT)
            manifest.write(tree)
            _write_whole(tree, out)
    except OSError as error:
        raise RuntimeUnavailable(f"{out} could not be written: {error}") from error
    return manifest.file_sha256(out)


def _select(runtime: Runtime, tree: Path) -> None:
    """Lay the programs and their libraries into `tree`, placed nowhere."""
    chosen = dict(_programs(runtime))
    loader = runtime.root / relocate.LOADER
    if loader.is_file() and relocate.spots(runtime.root):
        assemble.lay(_with_own_libraries(chosen, runtime.root), tree)
        kept = [spot for spot in relocate.spots(runtime.root) if spot.path in chosen]
        relocate.write_table(tree, kept)
        relocate.unplace(tree)
    elif next(iter(chosen.values())).is_symlink():
        real = {name: path.resolve() for name, path in chosen.items()}
        system = assemble.Libraries(_system_folders(real))
        assemble.lay(assemble.with_libraries(real, system, assemble.OPENED_BY_PILOT), tree)
        relocate.prepare(tree)
    else:
        assemble.lay(_with_own_libraries(chosen, runtime.root), tree)


def _programs(runtime: Runtime) -> Iterator[tuple[str, Path]]:
    for name in PROGRAMS:
        path = runtime.program(name)
        yield path.relative_to(runtime.root).as_posix(), path
    for name in WELCOME:
        try:
            path = runtime.program(name)
        except RuntimeUnavailable:
            continue
        yield path.relative_to(runtime.root).as_posix(), path


def _with_own_libraries(chosen: assemble.Files, root: Path) -> assemble.Files:
    """Return the programs and what they need of the runtime's own libraries.

    What is not among them is the machine's: an official release leaves the C library to it.
    """
    libraries = assemble.Libraries([root / "lib", root / "lib" / "condor"])
    needed, _ = assemble.needs(chosen.values(), libraries, assemble.OPENED_BY_PILOT)
    own = {path.relative_to(root).parent / name: path for name, path in needed.items()
           if path.is_relative_to(root)}  # fmt: skip
    return {**chosen, **{str(name): path for name, path in own.items()}}


def _system_folders(installed: assemble.Files) -> list[Path]:
    """Return where the installed programs' libraries are: their own first, then the machine's."""
    homes = {path.parent.parent for path in installed.values()}
    own = [home / lib for home in sorted(homes) for lib in ("lib", "lib64", "lib/condor",
                                                            "lib64/condor")]  # fmt: skip
    named = ["/etc/ld.so.conf", *sorted(map(str, Path("/etc/ld.so.conf.d").glob("*.conf")))]
    lines: list[str] = []
    for name in named:
        path = Path(name)
        lines += path.read_text(errors="replace").splitlines() if path.is_file() else []
    usual = [
        "/lib64",
        "/usr/lib64",
        "/lib/x86_64-linux-gnu",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib",
    ]
    return own + [Path(line.strip()) for line in [*lines, *usual] if line.startswith("/")]


def _write_whole(tree: Path, out: Path) -> None:
    half = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with half.open("wb") as file:
            _write(tree, file, xz=out.name.endswith(".xz"))
            file.flush()
            os.fsync(file.fileno())
        half.replace(out)
    finally:
        half.unlink(missing_ok=True)


def _write(tree: Path, raw: IO[bytes], *, xz: bool) -> None:
    with ExitStack() as stack:
        if xz:
            squeezed: IO[bytes] = stack.enter_context(
                lzma.open(raw, "wb", preset=9 | lzma.PRESET_EXTREME)
            )
        else:
            zipped = gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=0)
            squeezed = cast(IO[bytes], stack.enter_context(zipped))
        tar = stack.enter_context(
            tarfile.open(fileobj=squeezed, mode="w", format=tarfile.GNU_FORMAT)
        )
        for path in [tree, *sorted(tree.rglob("*"))]:
            name = f"{tree.name}/{path.relative_to(tree)}".removesuffix("/.")
            tar.add(path, name, recursive=False, filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member

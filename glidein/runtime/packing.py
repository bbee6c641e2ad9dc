"""The slim tarball that a pilot needs: placed with bash, coreutils, tar and gzip alone."""

import gzip
import lzma
import shutil
import tarfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

from glidein.errors import ConfigError, RuntimeUnavailable
from glidein.runtime import cache, elf, relocate
from glidein.runtime.cache import Runtime

PROGRAMS = (
    "condor_master",
    "condor_startd",
    "condor_starter",
    "condor_procd",
    "condor_shared_port",
    "condor_gpu_discovery",
    "condor_config_val",
    "condor_ping",
    "condor_token_request",
    "condor_status",
    "condor_who",
    "condor_chirp",
    "curl_plugin",
)
_LIBRARIES = (
    "libssl.so.3",
    "libcrypto.so.3",
    "libcurl.so.4",
    "libSciTokens.so.0",
    "libnss_files.so.2",
    "libnss_dns.so.2",
    "libgetpwnam.so",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libm.so.6",
    "libresolv.so.2",
    "libmunge.so.2",
    "libkrb5.so.3",
    "libgssapi_krb5.so.2",
    "libk5crypto.so.3",
    "libkrb5support.so.0",
    "libcom_err.so.2",
    "libsqlite3.so.0",
)


def pack(runtime: Runtime, out: Path) -> str:
    """Write the slim tarball of a runtime to `out` and return its SHA-256.

    The ending says how it is compressed: .tar.xz or .tar.gz. The same runtime gives the same
    bytes. Raises ConfigError for another ending, RuntimeUnavailable if a needed program is missing.
    """
    if not out.name.endswith((".tar.xz", ".tar.gz")):
        raise ConfigError.one(
            "-o", f"{out.name!r} says no compression", "End it .tar.xz or .tar.gz"
        )
    with cache.building(out.parent) as folder:
        tree = folder / f"condor-{runtime.version}-slim"
        _select(runtime, tree)
        relocate.unplace(tree)
        packed = folder / "packed"
        _write(tree, packed, xz=out.name.endswith(".xz"))
        packed.replace(out)
    return cache.file_sha256(out)


def _select(runtime: Runtime, tree: Path) -> None:
    chosen = [runtime.program(name) for name in PROGRAMS]
    for path in chosen:
        target = tree / path.relative_to(runtime.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (tree / "lib").mkdir()
    table = runtime.root / relocate.TABLE
    if not table.exists():
        raise RuntimeUnavailable(f"{runtime.source} is not relocatable; pack Debian's instead")
    for name in sorted(_closure(runtime.root / "lib", chosen)):
        shutil.copy(runtime.root / "lib" / name, tree / "lib" / name)
    kept = {str(path.relative_to(runtime.root)) for path in chosen}
    lines = [
        x for x in table.read_text().splitlines(True) if x.rstrip("\n").split(" ", 2)[2] in kept
    ]
    (tree / relocate.TABLE).write_text("".join(lines))
    shutil.copy(runtime.root / "about", tree / "about")


def _closure(libraries: Path, programs: list[Path]) -> set[str]:
    found: set[str] = set()
    wanted = [relocate.LOADER.split("/")[1], *_LIBRARIES]
    for program in programs:
        read = elf.read(program)
        wanted += read.needed if read else ()
    while wanted:
        name = wanted.pop()
        if name not in found and (libraries / name).exists():
            found.add(name)
            read = elf.read(libraries / name)
            wanted += read.needed if read else ()
    return found


def _write(tree: Path, packed: Path, *, xz: bool) -> None:
    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = 0
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    with ExitStack() as stack:
        raw = stack.enter_context(packed.open("wb"))
        if xz:
            squeezed: IO[bytes] = stack.enter_context(
                lzma.open(raw, "wb", preset=9 | lzma.PRESET_EXTREME)
            )
        else:
            zipped = gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=0)
            squeezed = cast(IO[bytes], stack.enter_context(zipped))
        tar = stack.enter_context(tarfile.open(fileobj=squeezed, mode="w"))
        tar.add(tree, tree.name, recursive=False, filter=plain)
        for path in sorted(tree.rglob("*")):
            tar.add(path, f"{tree.name}/{path.relative_to(tree)}", recursive=False, filter=plain)

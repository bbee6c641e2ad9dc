"""Gathers programs and the libraries they need into one tree: bin, sbin, libexec and lib."""

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from glidein.errors import RuntimeUnavailable
from glidein.runtime import elf, relocate

# Opened by name while running, so no program names them. The last line is for the host's libcuda:
# it is loaded into condor_gpu_discovery beside our C library, and asks for them.
OPENED_BY_PILOT = (
    "libssl", "libcrypto", "libcurl", "libSciTokens", "libmunge", "libkrb5", "libgssapi_krb5",
    "libk5crypto", "libkrb5support", "libcom_err", "libnss_files", "libnss_dns", "libgetpwnam",
    "libsqlite3", "libgcc_s",
    "libdl", "libpthread", "librt", "libm", "libresolv", "libutil",
)  # fmt: skip
# X.509 proxies, which no pilot here knows of.
OPENED = (*OPENED_BY_PILOT, "libvomsapi", "libltdl")

# Programs of a release, beside all that are named after HTCondor.
_MORE = ("curl_plugin", "data_plugin", "interactive.sub", "linux_kernel_tuning", "procd_ctl",
         "sshd.sh", "gidd_alloc")  # fmt: skip
_TEMPLATE = "condor_ssh_to_job_sshd_config_template"
_OF_CONDOR = re.compile(r"condor|classad_")
_FOREIGN = re.compile(rb"#!.*(python|perl)")

Files = dict[str, Path]


class Libraries:
    """Finds libraries by name in a list of folders, first one first."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folder for folder in folders if folder.is_dir())

    def find(self, name: str, beside: Iterable[Path] = ()) -> Path | None:
        """Return the library's file, looking `beside` first; None if it is nowhere."""
        candidates = (folder / name for folder in (*beside, *self._folders))
        return next((path for path in candidates if path.is_file() and elf.read(path)), None)

    def versions(self, stem: str) -> Files:
        """Return every version of a library, by the name it is opened by."""
        name = re.compile(re.escape(stem) + r"\.so(\.\d+)?")
        found: Files = {}
        for folder in self._folders:
            for path in sorted(folder.glob(f"{stem}.so*")):
                parts = elf.read(path) if name.fullmatch(path.name) and path.is_file() else None
                # libX.so without a number is for compilers, unless the library says that it is its
                # name; libgetpwnam, a plug-in, says nothing.
                if parts and parts.soname in ("", path.name):
                    found.setdefault(path.name, path)
        return found


def programs(folders: Mapping[str, Path]) -> Files:
    """Return what a runtime takes of a release's folders, given by the folder it goes to.

    All programs of HTCondor, and its scripts for a shell; not those for Python and Perl, which
    would need more than the runtime has.
    """
    found: Files = {}
    for target, folder in folders.items():
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.is_file() and (_OF_CONDOR.match(path.name) or path.name in _MORE):
                found.setdefault(f"{target}/{path.name}", path)
    return {name: path for name, path in found.items() if _runs(path)}


def _runs(path: Path) -> bool:
    with path.open("rb") as file:
        return not _FOREIGN.match(file.readline(200)) and path.suffix not in (".py", ".wsgi")


def templates(folders: Iterable[Path]) -> Files:
    """Return the one file that HTCondor reads from its lib folder: for condor_ssh_to_job."""
    found = (folder / _TEMPLATE for folder in folders)
    return next(({f"lib/{_TEMPLATE}": path} for path in found if path.is_file()), {})


def with_libraries(
    files: Mapping[str, Path], libraries: Libraries, stems: Iterable[str] = OPENED
) -> Files:
    """Return the files and all libraries that they need, directly or not, loader included.

    `stems` are those that are taken if they are there. Raises RuntimeUnavailable, naming every one
    that is needed and cannot be found.
    """
    needed, missing = needs(files.values(), libraries, stems)
    if missing:
        raise RuntimeUnavailable(f"HTCondor's libraries are not all here: {', '.join(missing)}")
    return {**files, **{f"lib/{name}": path for name, path in needed.items()}}


def needs(
    starts: Iterable[Path], libraries: Libraries, stems: Iterable[str]
) -> tuple[Files, list[str]]:
    """Return all that the files need, what they open while running and the loader included.

    Second, the names of what cannot be found.
    """
    opened: Files = {}
    for stem in stems:
        opened |= libraries.versions(stem)
    loader = libraries.find(Path(relocate.LOADER).name)
    if loader is not None:
        opened[loader.name] = loader
    found, missing = closure([*starts, *opened.values()], libraries)
    return opened | found, missing


def closure(starts: Iterable[Path], libraries: Libraries) -> tuple[Files, list[str]]:
    """Return all libraries that the files need, by name, and those that cannot be found."""
    found: Files = {}
    missing: set[str] = set()
    waiting = list(starts)
    while waiting:
        path = waiting.pop()
        parts = elf.read(path)
        beside = _search(parts, path.resolve().parent) if parts else []
        for name in parts.needed if parts else ():
            library = found.get(name) or libraries.find(name, beside)
            if library is None:
                missing.add(name)
            elif name not in found:
                found[name] = library
                waiting.append(library)
    return found, sorted(missing)


def _search(parts: elf.Elf, home: Path) -> list[Path]:
    texts = (text.replace("${ORIGIN}", "$ORIGIN") for text in parts.search if text)
    return [Path(text.replace("$ORIGIN", str(home))) for text in texts]


def lay(files: Mapping[str, Path], tree: Path) -> None:
    """Copy files into the tree by their new names: no links, modes 755 or 644."""
    for name, path in files.items():
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755 if os.access(path, os.X_OK) or name.startswith("lib/ld-") else 0o644)

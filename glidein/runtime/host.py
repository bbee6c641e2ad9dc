"""The HTCondor that is installed on this machine, used where it lies.

It is not copied: the runtime in the cache is links to the installed programs, and their checksums
as they were when it was got. So it has the form of every other runtime, for the payload too, and
verify tells when the installed one was changed under it; get then records it anew.
"""

import os
import shutil
from pathlib import Path

from glidein import process
from glidein.errors import ConfigError, RuntimeUnavailable
from glidein.runtime import assemble, cache
from glidein.runtime.building import building
from glidein.runtime.cache import Runtime

KIND = "host"
_NEEDED = ("condor_startd", "condor_starter", "condor_procd", "condor_config_val")
_MOST_LINKS = 40
_SBIN = "/usr/sbin:/usr/local/sbin:/opt/condor/sbin"


def get(where: Path, prefix: Path | None = None) -> Runtime:
    """Record the installed HTCondor in the cache `where` and return it.

    It is the one under `prefix`, or that of the condor_master on PATH. Raises RuntimeUnavailable if
    there is none, it does not run, or it lacks what a pilot needs.
    """
    caches = _caches(where)
    master = _master(prefix, caches)
    version, platform = _said_of_itself(master)
    home = prefix.absolute() if prefix is not None else master.parent.parent
    files = _files(home)
    if any(_leads_into(path, caches) for path in files.values()):
        raise RuntimeUnavailable(f"{home} is no HTCondor of this host: it leads into our own cache")
    names = {Path(name).name for name in files}
    for name in _NEEDED:
        if name not in names:
            raise RuntimeUnavailable(f"the HTCondor in {home} has no {name}")
    with building(where) as folder:
        tree = folder / "tree"
        for name, path in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).symlink_to(path)
        about = {"VERSION": version, "PLATFORM": platform, "SOURCE": f"{KIND} {home}"}
        return cache.store(tree, where, about)


def _caches(where: Path) -> tuple[Path, ...]:
    """Return the caches of ours whose runtimes must not pass for the host's own."""
    try:
        return (where.resolve(), cache.default_folder().resolve())
    except ConfigError:  # nobody's home
        return (where.resolve(),)


def _leads_into(path: Path, caches: tuple[Path, ...]) -> bool:
    """Whether a path lies in one of the caches, or links, over however many steps, through one."""
    for _ in range(_MOST_LINKS):
        if any((path.parent.resolve() / path.name).is_relative_to(each) for each in caches):
            return True
        if not path.is_symlink():
            return False
        path = path.parent / path.readlink()
    return False


def _master(prefix: Path | None, caches: tuple[Path, ...]) -> Path:
    if prefix is None:
        folders = f"{os.environ.get('PATH', '')}:{_SBIN}".split(":")
        found = (shutil.which("condor_master", path=folder) for folder in folders if folder)
        known = [Path(each).absolute() for each in found if each is not None]
        for each in known:
            if not _leads_into(each, caches):
                return each
        but = "; the one on PATH is out of our own cache" if known else ""
        raise RuntimeUnavailable(f"no HTCondor is installed here{but}")
    master = prefix.absolute() / "sbin" / "condor_master"
    if not master.is_file():
        raise RuntimeUnavailable(f"there is no {master}")
    return master


def _said_of_itself(master: Path) -> tuple[str, str]:
    """Return version and platform, as condor_master prints them."""
    try:
        said = process.run([master, "-version"], timeout=20, env={"CONDOR_CONFIG": "/dev/null"})
    except process.CommandError as error:
        raise RuntimeUnavailable(str(error)) from error
    lines = said.stdout.split("\n")
    words = {part[0]: part[1] for part in (line.split() for line in lines) if len(part) > 1}
    if "$CondorVersion:" not in words:
        raise RuntimeUnavailable(f"{master} does not say which HTCondor it is")
    return words["$CondorVersion:"], words.get("$CondorPlatform:", "unknown")


def _files(home: Path) -> assemble.Files:
    folders = {"bin": home / "bin", "sbin": home / "sbin"}
    files = assemble.programs(folders)
    for libexec in ("libexec/condor", "libexec", "lib/condor/libexec"):
        for name, path in assemble.programs({"libexec": home / libexec}).items():
            files.setdefault(name, path)
    lib = [home / name for name in ("lib", "lib64", "lib/condor", "lib64/condor")]
    found, _ = assemble.closure(files.values(), assemble.Libraries(lib))
    own = {f"lib/{name}": path for name, path in found.items()
           if name.startswith(("libcondor", "libclassad"))}  # fmt: skip
    return {**files, **assemble.templates(lib), **own}

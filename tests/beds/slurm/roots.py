"""The trees of files that the bed's hosts are made of: this machine's, or a newer Debian's."""

import fcntl
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from glidein import paths, process
from glidein.runtime import apt, cache
from tests.beds.pools import open_folder

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "slurmdbd", "mariadb-server", "munge",
            "openssh-server", "iproute2", "nftables", "procps", "python3")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Root:
    """A tree and the Slurm in it."""

    slurm: str
    path: Path


def native() -> Root:
    """This machine's own tree, with the Slurm of its Debian: 22.05 of Debian 12, the quick one."""
    said = process.run(["slurmctld", "-V"], timeout=10).stdout
    return Root(".".join(said.split()[1].split(".")[:2]), Path("/"))


def newer() -> Root:
    """A tree of Debian 13, with its Slurm; made once and kept in the cache."""
    beds = paths.cache() / "beds"
    beds.mkdir(parents=True, exist_ok=True)
    mark = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:8]
    final = beds / f"trixie-{mark}"
    with (beds / "making").open("w") as lock:  # two that make it at once make it once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not final.exists():
            with cache.building(beds) as folder:
                _make(folder / "tree")
                (folder / "tree").rename(final)
    return Root("24.11", final)


def _make(tree: Path) -> None:
    """Unpack Debian 13 with apt's own settings for reaching archives; signatures are checked."""
    known = apt.archive()
    env = {"PATH": apt.PATH}
    dump = process.run(["apt-config", "dump"], timeout=20, env=env).stdout
    reach = re.findall(r"^Acquire::(?:https?|Check)\b.* \".+\";$", dump, re.MULTILINE)
    options = "check-valid-until=no" if known.any_age else ""
    options += f" signed-by={known.keys}" if known.keys else ""
    with open_folder("glr-") as folder:
        settings = folder / "settings"
        settings.write_text("\n".join([*reach, 'Apt::Install-Recommends "false";', ""]))
        argv = ["mmdebstrap", "--variant=apt", f"--aptopt={settings}"]
        argv += [f"--include={','.join(PACKAGES)}", "trixie", str(tree)]
        process.run([*argv, f"deb [{options} ] {known.uri} trixie main"], timeout=400, env=env)

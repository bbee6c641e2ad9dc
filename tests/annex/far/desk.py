"""A person at the access point of the Slurm bed, whose allocation is the bed's cluster over SSH."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from annex import staging
from glidein.process import Result
from tests.beds.slurm import SlurmBed

SMALL = ("--cpus", "1", "--mem_mb", "700", "--lifetime", "1200", "--idle-time", "60")


class Desk:
    """A user of the access point: keys, known hosts, a token, and the runtime as a tarball."""

    def __init__(self, bed: SlurmBed, name: str = "alice", host: str = "login-wan") -> None:
        self.bed, self.name, self.host = bed, name, host
        self.home = bed.home(name, "ap")
        self.folder = f"/home/{name}"  # the same, as the person sees it
        key = (bed.folder / "tree/etc/ssh/bed_host_key.pub").read_text().split()
        ssh = self.home / ".ssh"
        self.put(".ssh/known_hosts", f"{host} {key[0]} {key[1]}\n")
        self.put(".ssh/config", "")
        shutil.copy(bed.folder / "key", ssh / "id_ed25519")
        self.put(".config/glidein/systems/generic.toml", f'[login]\nhosts = ["{host}"]\n')
        self.put("token", bed.token(name) + "\n")
        tarball = staging.packed(print)
        shutil.copy(tarball.where, self.home / "condor.tar.gz")
        self._own()

    def put(self, name: str, text: str) -> Path:
        """Write a file of the person's, readable by them alone."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text(text)
        self._own()
        return path

    def types(self, *words: str | Path, timeout: float = 120, program: str = "annex") -> Result:
        """Run `annex ...` on the access point, and show what it said should the test fail."""
        said = self.bed.on("ap", self.name, program, *words, timeout=timeout, check=False)
        print(program, *words, "->", said.returncode, said.stdout, said.stderr, sep="\n")
        return said

    def create(self, name: str, *options: str, verb: str = "create", target: str = "generic",
               usual: Sequence[str] = SMALL, token: bool = True) -> Result:  # fmt: skip
        """Create an annex of small pilots."""
        given = ["--token_file", "token"] if token else []
        return self.types(
            verb, "--runtime", "condor.tar.gz", *given, *usual, *options, name, target
        )

    def batch_jobs(self, *options: str) -> list[str]:
        """The batch jobs that Slurm has of this user, waiting or running."""
        return self.bed.on("login", self.name, "squeue", "-h", "-o%F", *options).stdout.split()

    def far_files(self) -> list[str]:
        """Every file in this user's home on the far side, but what login itself needs."""
        home = self.bed.home(self.name)
        files = (each for each in home.rglob("*") if each.is_file() and not each.is_symlink())
        return sorted(str(each.relative_to(home)) for each in files if ".ssh" not in each.parts)

    def _own(self) -> None:
        owner = self.home.stat()
        for each in (*self.home.rglob("*"),):
            os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)

"""A person on the Slurm bed: types `glidein slurm` on the login node, and looks what is left."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glidein.host import identity
from glidein.process import Result
from tests.beds.slurm import SlurmBed, wait_for

NODES = " ".join(f"c{n}" for n in range(10))


class Person:
    """An ordinary user of the bed, with a token of the pool."""

    def __init__(
        self,
        bed: SlurmBed,
        name: str = "alice",
        token: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.bed, self.name = bed, name
        self._env = [f"{key}={value}" for key, value in (env or {}).items()]
        self.home = bed.home(name)
        secret = self.home / "token"
        secret.touch(mode=0o600)
        secret.write_text((token or bed.token(name)) + "\n")
        owner = self.home.stat()
        os.chown(secret, owner.st_uid, owner.st_gid)

    def types(self, *argv: str | Path, timeout: float = 120) -> Result:
        """Run `glidein slurm ...` on the login node, and show what it said should the test fail."""
        words = ["env", *self._env, "glidein", "slurm", *argv]
        said = self.bed.on("login", self.name, *words, timeout=timeout, check=False)
        print("glidein slurm", *argv, "->", said.returncode, said.stdout, said.stderr, sep="\n")
        return said

    def submit(self, *options: str | Path) -> Result:
        """Submit pilots to the bed's pool: small ones, unless the options say otherwise."""
        runtime = self.bed.folder / "runtime"
        usual: list[str | Path] = [
            "--pool",
            "cm.bed.pool",
            "--token-file",
            self.home_there("token"),
        ]
        usual += ["--runtime", runtime, "--lifetime", "15m", "--idle-time", "20"]
        return self.types("submit", *_before(options, usual))

    def start(self, *options: str | Path) -> str:
        """Submit pilots and return the request's id."""
        said = self.submit(*options)
        assert said.returncode == 0, said.stderr
        return said.stdout.strip()

    def home_there(self, name: str) -> str:
        """A file of the home folder, as the login node calls it."""
        return f"/home/{self.name}/{name}"

    def rows(self) -> dict[str, dict[str, Any]]:
        """What `glidein slurm list --json` shows, by request."""
        said = self.types("list", "--json")
        assert said.returncode == 0, said.stderr
        return {row["id"]: row for row in json.loads(said.stdout)}

    def row(self, request: str) -> dict[str, Any]:
        """One request as list shows it."""
        return self.rows()[request]

    def place(self, request: str) -> Path:
        """The request's place, as this machine sees it."""
        return self.home / ".local/state/glidein/batch" / request

    def batch_lines(self, request: str) -> list[str]:
        """What the batch jobs of a request printed."""
        outs = sorted(self.place(request).glob("batch*.out"))
        return [line for out in outs for line in out.read_text(errors="replace").splitlines()]

    def number(self, request: str) -> int:
        """The batch job of a request."""
        return int((self.place(request) / "submitted").read_text())

    def queued(self, *more: str) -> list[str]:
        """The person's batch jobs that Slurm still has."""
        return self.bed.on("login", "root", "squeue", "-hu", self.name, *more).stdout.split("\n")[
            :-1
        ]

    def ran(self, request: str) -> list[str]:
        """The batch jobs of that name that there ever were."""
        said = self.bed.on("login", "root", "sacct", "-XnP", "-u", self.name, f"--name={request}",
                           "-S", "now-1days", "-o", "JobID")  # fmt: skip
        return sorted(set(said.stdout.split()))

    def wait_lines(self, request: str, text: str, timeout: float = 60, times: int = 1) -> None:
        """Wait until the batch job's output has a text."""

        def said() -> str:
            return "\n".join(self.batch_lines(request))

        wait_for(lambda: said().count(text) >= times, timeout, lambda: f"{text!r} in\n{said()}")

    def wait_joined(self, request: str, count: int, timeout: float = 90) -> None:
        """Wait until that many pilots said that they joined."""

        def logs() -> list[Path]:
            return list(self.place(request).glob("run.*/pilot.*.log"))

        def joined() -> int:
            return sum(" STATE joined" in log.read_text(errors="replace") for log in logs())

        wait_for(lambda: joined() >= count, timeout, lambda: f"{count} joined: {_read(logs())}")

    def left(self, request: str, nodes: str = NODES) -> list[str]:
        """Name what a request that is over should not have left anywhere."""
        mark = f"/{request}/run.".encode()
        alive = [
            f"process {each.pid}"
            for each in identity.everybody()
            if mark in (Path(f"/proc/{each.pid}/cmdline").read_bytes() if _there(each.pid) else b"")
        ]
        allowed = [".log", ".out", "/submitted", "/cancelled", "/request", "/asking", "/refused",
                   "/silent"]  # fmt: skip
        files = [str(each) for each in self.place(request).rglob("*") if each.is_file()]
        find = "ls -d /tmp/glidein-* /small/glidein-* 2>/dev/null | sed 's/^/'$(hostname):/"
        folders = [
            line
            for node in nodes.split()
            for line in self.bed.on(node, "root", "bash", "-c", find).stdout.split()
        ]
        return alive + folders + [each for each in files if not each.endswith(tuple(allowed))]

    def wait_nothing(self, request: str, nodes: str = NODES, timeout: float = 40) -> None:
        """Wait until the request left nothing: no batch job, process, token or folder."""

        def nothing() -> bool:
            return not self.queued("--name", request) and not self.left(request, nodes)

        wait_for(nothing, timeout, lambda: f"nothing is left of it: {self.left(request, nodes)}")


def ended(person: Person, request: str, timeout: float = 120) -> str:
    """Wait until list shows that a request ended; return why."""
    wait_for(lambda: not person.queued("--name", request), timeout, "it is over")
    wait_for(lambda: person.row(request)["state"] == "ended", 20, "list shows the end")
    return str(person.row(request)["reason"])


def _before(options: tuple[str | Path, ...], usual: list[str | Path]) -> list[str | Path]:
    """Put the usual options before those given, except the ones that are given."""
    pairs = [(usual[n], usual[n + 1]) for n in range(0, len(usual), 2)]
    return [word for pair in pairs if pair[0] not in options for word in pair] + list(options)


def _there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _read(logs: list[Path]) -> str:
    return "\n".join(f"{log.parent.name}/{log.name}:\n{log.read_text()[-1500:]}" for log in logs)

"""From a batch job's start to N pilots joined: one batch job of ours beside one whose nodes fetch.

On the Slurm bed. The tarball of HTCondor lies on a web server outside the site; the other script
does as hand-written ones do: each node fetches it, unpacks it and starts a minimal pilot, which
checks nothing. A batch job of ours fetches once and checks what it got; each node unpacks a copy
of its own on its own disk. All N nodes share this machine's cores, and the site's cable is as
quick as they are unless --rate says otherwise.
"""

import argparse
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.common import median, publish
from glidein import runtime
from glidein.runtime import manifest
from tests.beds.slurm import SlurmBed
from tests.beds.slurm.hosts import wait_for

MINIMAL = (Path(__file__).parent / "minimal_pilot.sh").read_text()
_SERVER = "cd /srv/bench && exec setsid python3 -u -m http.server 8000 >log 2>&1 </dev/null &"
_EACH_FETCHES = """\
#!/bin/bash
#SBATCH --nodes={nodes} --ntasks-per-node=1 --cpus-per-task=2 --time=30 --output=batch.out
srun --cpu-bind=none bash -c '
  work=$(mktemp -d) && curl -fsS -o "$work/condor.tar.gz" {url} &&
  exec bash minimal.sh "$work/condor.tar.gz" cm.bed.pool token alice 600'
"""
_NAMES = ("condor_status", "-af", "Name", "-constraint", "PartitionableSlot")
_LOGS = "tail -n 20 *.out .local/state/glidein/batch/*/run.*/pilot.*.log"
_USED = "du -skxc /tmp /var/tmp | tail -n 1"


@dataclass(frozen=True, slots=True)
class Run:
    """One start: seconds until all have joined, and what it took until then."""

    seconds: float
    fetches: int
    kib_in: int  # through the gateway, to the compute nodes
    kib_shared: int  # in the home folder, which all nodes see
    kib_local: int  # on the disks of all nodes together


class Site:
    """A bed with the tarball on a web server outside."""

    def __init__(self, bed: SlurmBed, rate: str) -> None:
        self.bed = bed
        tarball = bed.folder / "condor-slim.tar.gz"
        runtime.pack(runtime.get(), tarball)
        tarball.chmod(0o644)
        self.sha256 = manifest.file_sha256(tarball)
        self.url = f"http://ap:8000/{tarball.name}"
        bed.on("ap", "root", "mkdir", "-p", "/srv/bench")
        bed.on("ap", "root", "cp", str(tarball), "/srv/bench")
        bed.on("ap", "root", "bash", "-c", _SERVER)
        wait_for(self.serves, 20, "the web server answers")
        if rate:
            shape = ("tbf", "rate", rate, "burst", "256kb", "latency", "100ms")
            bed.on("ap", "root", "tc", "qdisc", "add", "dev", "wan", "root", *shape)

    def serves(self) -> bool:
        """Whether the tarball can be had."""
        return self.bed.on("login", "alice", "curl", "-fsSI", self.url, check=False).ok

    def fetches(self) -> int:
        """Return how often the tarball was fetched so far."""
        return self.bed.on("ap", "root", "cat", "/srv/bench/log").stdout.count('"GET /')

    def kib_in(self) -> int:
        """Return what went through the gateway to the compute nodes so far."""
        said = self.bed.on("gw", "root", "grep", "site:", "/proc/net/dev").stdout
        return int(said.split()[9]) // 1024

    def put(self, name: str, text: str) -> None:
        """Write a private file into the user's home folder."""
        self.bed.on("login", "alice", "bash", "-c", f"umask 077; cat >{name}", stdin=text)

    def joined(self) -> int:
        """Return how many pilots the pool has."""
        return len(self.bed.on("cm", "root", *_NAMES, check=False).stdout.split())

    def began(self) -> float:
        """Return when the batch job began: Slurm, which looks once a second, made its output."""
        return float(self.bed.on("login", "alice", "bash", "-c", "stat -c %.W *.out").stdout)

    def logs(self) -> str:
        """Return the ends of what batch job and pilots printed."""
        return self.bed.on("login", "alice", "bash", "-c", _LOGS, check=False).stdout

    def once(self, way: str, count: int) -> Run:
        """Start that many pilots in that way, measure, and take all of it away."""
        self.put("token", self.bed.token("alice"))
        self.put("minimal.sh", MINIMAL)
        script = WAYS[way](self, count)
        fetches, kib_in = self.fetches(), self.kib_in()
        number = self.bed.submit("alice", script=script)
        wait_for(lambda: self.joined() >= count, 180, lambda: f"all have joined\n{self.logs()}")
        seconds = time.time() - self.began()
        run = Run(seconds, self.fetches() - fetches, self.kib_in() - kib_in, *self.used(count))
        self.bed.on("login", "alice", "scancel", str(number))
        self.bed.wait_state(number)
        self.bed.reset()
        wait_for(lambda: self.joined() == 0, 60, "the pool is empty")
        return run

    def used(self, count: int) -> tuple[int, int]:
        """Return KiB in the home folder, and on the disks of the first nodes together."""
        shared = int(self.bed.on("login", "root", "du", "-sk", "/home/alice").stdout.split()[0])
        each = [self.bed.on(f"c{n}", "root", "bash", "-c", _USED).stdout for n in range(count)]
        return shared, sum(int(said.split()[0]) for said in each)


def _each_fetches(site: Site, count: int) -> str:
    return _EACH_FETCHES.format(nodes=count, url=site.url)


def _glidein(site: Site, count: int) -> str:
    words = ["slurm", "render", "--pool", "cm.bed.pool", "--nodes", str(count), "--cpus", "2",
             "--lifetime", "30m", "--token-file", "token", "--runtime", site.url,
             "--sha256", site.sha256]  # fmt: skip
    return site.bed.on("login", "alice", "glidein", *words).stdout


WAYS = {"each node fetches": _each_fetches, "glidein": _glidein}


def row(count: int, way: str, runs: list[Run], base: float) -> list[object]:
    """Return a line of the table."""
    seconds = [run.seconds for run in runs]
    mib = [
        f"{median([getattr(run, field) for run in runs]) / 1024:.1f}"
        for field in ("kib_in", "kib_shared", "kib_local")
    ]
    spread = f"{min(seconds):.2f}-{max(seconds):.2f}"
    took = median(seconds)
    fetches = int(median([run.fetches for run in runs]))
    return [count, way, f"{took:.2f}", spread, f"{took / base:.2f}", fetches, *mib]


def main() -> None:
    """Measure for each number of nodes, in turn, and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rate", default="", help="how quick the web server's cable is: 200mbit")
    options = parser.parse_args()
    rows: list[list[object]] = []
    measured: dict[str, dict[str, list[dict[str, float]]]] = {}
    with SlurmBed() as bed:
        site = Site(bed, options.rate)
        for count in options.nodes:
            runs: dict[str, list[Run]] = {way: [] for way in WAYS}
            for _ in range(options.runs):
                for way, kept in runs.items():
                    kept.append(site.once(way, count))
            base = median([run.seconds for run in runs["each node fetches"]])
            rows += [row(count, way, kept, base) for way, kept in runs.items()]
            measured[str(count)] = {way: [*map(asdict, kept)] for way, kept in runs.items()}
    columns = ["nodes", "way", "seconds", "min-max", "ratio", "fetches", "MiB in", "MiB shared",
               "MiB local"]  # fmt: skip
    publish("slurm_start", columns, rows, measured=measured, rate=options.rate,
            at=datetime.now(UTC).isoformat())  # fmt: skip


if __name__ == "__main__":
    main()

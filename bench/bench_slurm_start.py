"""From sbatch to N pilots joined, in one batch job of N nodes: ours beside a script that fetches.

On the Slurm bed. The tarball of HTCondor lies on a web server outside the site; the other script
does as hand-written ones do: each node fetches it, unpacks it and starts a pilot. A batch job of
ours fetches once and checks what it got; each node unpacks a copy of its own on its own disk.
"""

import argparse
import re
import shlex
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.common import median, publish
from glidein import runtime
from glidein.runtime import manifest
from tests.beds.slurm import SlurmBed
from tests.beds.slurm.hosts import wait_for

HERE = Path(__file__).parent
_SERVER = """\
cd /srv/bench && exec setsid python3 -u -m http.server 8000 >/srv/bench/log 2>&1 </dev/null &
"""
_EACH_FETCHES = """\
#!/bin/bash
srun --mem=0 --cpu-bind=none bash -c '
work=$(mktemp -d) && curl -fsS -o "$work/condor.tar.gz" {url} &&
exec bash {minimal} "$work/condor.tar.gz" cm.bed.pool {token} alice 600'
"""
_NAMES = ("condor_status", "-startd", "-af", "Name", "-constraint", "PartitionableSlot")


def serve(bed: SlurmBed, tarball: Path) -> str:
    """Start a web server outside the site; return the tarball's URL."""
    place = Path("/srv/bench") / tarball.name
    bed.on("ap", "root", "mkdir", "-p", "/srv/bench")
    bed.on("ap", "root", "cp", str(bed.folder / tarball.name), str(place))
    bed.on("ap", "root", "bash", "-c", _SERVER)
    url = f"http://ap:8000/{tarball.name}"
    wait_for(lambda: bed.on("login", "alice", "curl", "-fsSI", url, check=False).ok, 20, "server")
    return url


def fetched(bed: SlurmBed) -> int:
    """Return how often the tarball was fetched so far."""
    return len(re.findall(r"GET /", bed.on("ap", "root", "cat", "/srv/bench/log").stdout))


def until_joined(bed: SlurmBed, count: int, began: float) -> float:
    """Wait until that many pilots are in the pool; return the seconds since `began`."""

    def joined() -> bool:
        return len(bed.on("cm", "root", *_NAMES, check=False).stdout.split()) >= count

    wait_for(joined, 120, f"{count} pilots have joined")
    return time.time() - began


def once(bed: SlurmBed, count: int, script: str) -> tuple[float, int]:
    """Run a script on that many nodes; return seconds to all joined, and fetches."""
    before, began = fetched(bed), time.time()
    options = (f"--nodes={count}", "--ntasks-per-node=1", "--cpus-per-task=2", "--time=30")
    number = bed.submit("alice", *options, script=script)
    took = until_joined(bed, count, began)
    used = fetched(bed) - before
    bed.on("login", "alice", "scancel", str(number))
    bed.wait_state(number)
    bed.reset()
    bed.wait_idle()
    wait_for(lambda: not bed.on("cm", "root", *_NAMES).stdout.split(), 60, "the pool is empty")
    return took, used


def main() -> None:
    """Measure for each number of nodes, in turn, and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    rows, measured = [], {}
    with SlurmBed() as bed:
        tarball = bed.folder / "condor-slim.tar.gz"
        runtime.pack(runtime.get(), tarball)
        tarball.chmod(0o644)
        url, size = serve(bed, tarball), tarball.stat().st_size
        for count in options.nodes:
            figures: dict[str, list[tuple[float, int]]] = {"each node fetches": [], "glidein": []}
            for _ in range(options.runs):
                for way, values in figures.items():
                    script = _script(bed, way, url, manifest.file_sha256(tarball), count)
                    values.append(once(bed, count, script))
            base = median([took for took, _ in figures["each node fetches"]])
            for way, values in figures.items():
                took, times = median([s for s, _ in values]), int(median([n for _, n in values]))
                ratio = f"{took / base:.2f}"
                mib = f"{times * size / 2**20:.1f}"
                rows.append([count, way, f"{took:.2f}", ratio, times, mib])
            measured[count] = figures
    columns = ["nodes", "way", "seconds", "ratio", "fetches", "MiB fetched"]
    publish("slurm_start", columns, rows, measured={str(k): v for k, v in measured.items()},
            at=datetime.now(UTC).isoformat())  # fmt: skip


def _script(bed: SlurmBed, way: str, url: str, sha256: str, count: int) -> str:
    home = bed.home("alice")
    bed.on("login", "alice", "bash", "-c", "umask 077; cat >token", stdin=bed.token("alice"))
    minimal = (HERE / "minimal_pilot.sh").read_text()
    bed.on("login", "alice", "bash", "-c", "cat >minimal.sh", stdin=minimal)
    if way == "glidein":
        words = ["slurm", "render", "--pool", "cm.bed.pool", "--nodes", str(count), "--cpus", "2",
                 "--lifetime", "30m", "--token-file", "token", "--runtime", url,
                 "--sha256", sha256]  # fmt: skip
        return bed.on("login", "alice", "glidein", *words).stdout
    inside = Path("/home/alice")
    assert home.name == inside.name
    return _EACH_FETCHES.format(
        url=url, minimal=shlex.quote(str(inside / "minimal.sh")), token=str(inside / "token")
    )


if __name__ == "__main__":
    main()

"""Listing 1,000 batch jobs of ours: the provider's one look beside one squeue per batch job.

On the Slurm bed, as an ordinary user on its login node. What counts is how often Slurm is asked,
the time it takes, our own CPU time and the bytes that come back.
"""

import argparse
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from annex.provider import BatchProvider
from annex.slurm_dialect import SlurmDialect
from annex.transport import LocalTransport, Said
from bench.common import median, publish
from glidein import catalogue
from glidein.model import new_request_id
from tests.beds.slurm import SlurmBed

_SUBMIT = """\
root=$HOME/.local/state/glidein/batch
printf '#!/bin/bash\\nsleep 600\\n' >job.sh
while read -r id request; do
  mkdir -p "$root/$id"
  printf '%s\\n' "$request" >"$root/$id/request"
  sbatch --parsable --hold --job-name="$id" --time=60 --output=/dev/null job.sh \\
    >"$root/$id/submitted"
done
"""
_EACH = """\
while read -r id; do squeue --noheader --name="$id" --format=%T >/dev/null; done
"""


class Counting:
    """A transport that counts: calls and bytes."""

    where = "login"

    def __init__(self, inner: LocalTransport) -> None:
        self.inner = inner
        self.calls = self.bytes = 0

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Pass the step on."""
        said = self.inner.step(text, seconds, blob)
        self.calls += 1
        self.bytes += len(said.out)
        return said

    def close(self) -> None:
        """Pass it on."""
        self.inner.close()


def fill(bed: SlurmBed, count: int) -> list[str]:
    """Submit that many held batch jobs, each with a place of its own; return the ids."""
    now = datetime.now(UTC)
    ids = [new_request_id(now - timedelta(seconds=n), n.to_bytes(7, "big")) for n in range(count)]
    request = json.dumps({"created": now.isoformat(), "pilots": 1}, separators=(",", ":"))
    lines = "".join(f"{each} {request}\n" for each in ids)
    bed.on("login", "alice", "bash", "-c", _SUBMIT, stdin=lines, timeout=600)
    return ids


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    looks: list[float] = []
    cpu: list[float] = []
    with SlurmBed() as bed:
        ids = fill(bed, options.jobs)
        transport = Counting(LocalTransport(bed.command("login", "alice", "bash"), "login"))
        dialect = SlurmDialect(catalogue.load())
        provider = BatchProvider("batch:bed", dialect, transport)
        for _ in range(options.runs):
            began, used = time.perf_counter(), time.process_time()
            listing = provider.list()
            looks.append(time.perf_counter() - began)
            cpu.append(time.process_time() - used)
            if not listing.complete or len(listing.requests) != options.jobs:
                raise SystemExit(f"{len(listing.requests)} of {options.jobs}: {listing.why}")
        began = time.perf_counter()
        names = "".join(f"{each}\n" for each in ids)
        bed.on("login", "alice", "bash", "-c", _EACH, stdin=names, timeout=900)
        apart = time.perf_counter() - began
    size = transport.bytes // transport.calls
    rows = [
        ["glidein", "2 (squeue, sacct)", f"{median(looks):.2f}", f"{median(cpu):.2f}", size,
         f"{median(looks) / apart:.3f}"],
        ["one squeue each", options.jobs, f"{apart:.2f}", "-", "-", "1.000"],
    ]  # fmt: skip
    columns = ["way", "Slurm calls", "seconds", "our CPU s", "bytes", "ratio"]
    publish("slurm_list", columns, rows, jobs=options.jobs, looks=looks, cpu=cpu, apart=apart)


if __name__ == "__main__":
    main()

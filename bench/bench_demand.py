"""Demand, aggregated in the schedd, beside fetching one ad per job and adding up in Python.

A real schedd holds N idle jobs in 40 shapes, of 20 owners each (800 owner-and-shape pairs). Both
sides ask for the same attributes and must come to the same answer; what these refer to comes along
with an aggregate only, and whoever fetches would have to ask for it as well. "ratio" is to fetching
and adding up, which is what a client must do for the same table; "to fetch" is to the fetching
alone, which answers nothing yet. Each measurement runs in a
process of its own, whose memory, its helpers' included, is taken at its peak. AutoCluster is shown
beside: it is quick, but it knows nothing of state or owner, and is empty until a negotiation with
at least one slot has formed the clusters.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.common import median, publish
from glidein import demand, process, runtime
from glidein.model import PoolAddress
from glidein.pool import Access, Pool
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import pilots, pools, submitters

OWNERS, SHAPES = 20, 40
LIMIT = 0.6
NO_LIMIT = "1000000000"
SUBMIT = """\
executable = /bin/sleep
arguments = 600
transfer_executable = False
should_transfer_files = YES
request_cpus = $(cores)
request_memory = $(mib)
request_disk = 1024
queue {count} cores, mib from (
{items}
)
"""
Counted = Counter[tuple[str, int, int]]


def fill(pool: ThrowawayPool, folder: Path, jobs: int) -> float:
    """Submit `jobs` jobs, evenly; return the seconds it took."""
    items = "\n".join(f"{1 + n % 8}, {1024 * (1 + n // 8)}" for n in range(SHAPES))
    began = time.monotonic()
    for n in range(OWNERS):
        text = SUBMIT.format(count=jobs // (OWNERS * SHAPES), items=items)
        submitters.submit(pool, f"owner{n:02d}", text, folder, timeout=1800)
    return time.monotonic() - began


def aggregated(address: PoolAddress, access: Access) -> Counted:
    """Count by the pool's door."""
    with Pool(address, access) as pool:
        shapes = pool.demand().shapes
    return Counter({(s.owner, s.cpus, s.memory_mb): s.jobs for s in shapes})


def each(address: PoolAddress, access: Access) -> Counted:
    """Fetch an ad per job, with the same attributes, and add up those that are equal."""
    found: Counter[tuple[str, ...]] = Counter()
    first: dict[tuple[str, ...], Any] = {}
    for ad in _schedd(address).query(demand.IDLE, list(demand.GROUP_BY)):
        key = tuple(str(ad.get(name)) for name in demand.GROUP_BY)
        found[key] += 1
        first.setdefault(key, ad)
    names = ("Owner", "RequestCpus", "RequestMemory")
    return Counter({tuple(map(first[key].eval, names)): jobs for key, jobs in found.items()})


def fetched(address: PoolAddress, access: Access) -> Counted:
    """Fetch an ad per job with the same attributes, and do not even look at them."""
    return Counter({("", 0, 0): len(_schedd(address).query(demand.IDLE, list(demand.GROUP_BY)))})


def three(address: PoolAddress, access: Access) -> Counted:
    """Fetch an ad per job with three attributes only, and do not even look at them."""
    names = ["Owner", "RequestCpus", "RequestMemory"]
    return Counter({("", 0, 0): len(_schedd(address).query(demand.IDLE, names))})


def clusters(address: PoolAddress, access: Access) -> Counted:
    """Ask for the schedd's own clusters, formed while negotiating."""
    import htcondor2

    found = _schedd(address).query(opts=htcondor2.QueryOpt.AutoCluster)
    return Counter({("", n, 0): ad["JobCount"] for n, ad in enumerate(found)})


WAYS: dict[str, Callable[[PoolAddress, Access], Counted]] = {
    "aggregated (glidein)": aggregated,
    "one ad per job, added up": each,
    "one ad per job, fetched only": fetched,
    "the same, 3 attributes only": three,
    "AutoCluster": clusters,
}
SAME_ANSWER = [way for way in WAYS if way != "AutoCluster"]


def _schedd(address: PoolAddress):  # type: ignore[no-untyped-def]
    import htcondor2

    htcondor2.reload_config()  # glidein.classads imported it with an empty one
    return htcondor2.Schedd(
        htcondor2.Collector(str(address)).locateAll(htcondor2.DaemonType.Schedd)[0]
    )


def once(way: str, address: str, token: str) -> None:
    """Run one measurement in this process and print what it came to."""
    access = Access(token_file=Path(token), timeout=600)
    began = time.perf_counter()
    found = WAYS[way](PoolAddress.parse(address), access)
    seconds = time.perf_counter() - began
    # The helper of the pool's door is a child of ours, and its memory ours to answer for.
    peak = sum(resource.getrusage(who).ru_maxrss
               for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))  # fmt: skip
    answer = sorted([*key, count] for key, count in found.items())
    print(json.dumps({"seconds": seconds, "mib": peak / 1024, "answer": answer}))


def measured(way: str, pool: ThrowawayPool, token: Path) -> dict[str, Any]:
    """Run one measurement in a fresh process."""
    env = dict(os.environ) | {
        "CONDOR_CONFIG": "/dev/null",
        "_CONDOR_SEC_TOKEN_DIRECTORY": str(token.parent),
        "_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS": "IDTOKENS",
        "_CONDOR_Q_QUERY_TIMEOUT": "600",
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }
    argv = [
        sys.executable,
        "-m",
        "bench.bench_demand",
        "--once",
        way,
        str(pool.address),
        str(token),
    ]
    said: dict[str, Any] = json.loads(process.run(argv, timeout=900, env=env).stdout)
    return said


@contextmanager
def negotiated(pool: ThrowawayPool, found: runtime.Runtime) -> Iterator[None]:
    """Have the schedd form its clusters: a slot that takes nobody's jobs makes pools negotiate.

    Only root can start it as another user; without it, AutoCluster is empty.
    """
    if os.geteuid() != 0:
        yield
        return
    with pilots.yard(found.root, str(pool.address)) as yard:
        conf = {"OWNERS": "nobody.of.these", "LIFETIME": "1800", "IDLE": "1800"}
        yard.start(65534, pool.token("nobody.of.these"), conf).wait_for("joined")
        token = submitters.token_of(pool, "reader", yard.folder, "READ")
        until = time.monotonic() + 60
        while not measured("AutoCluster", pool, token)["answer"] and time.monotonic() < until:
            time.sleep(1)
        yield


def bench(jobs: int, runs: int, folder: Path, found: runtime.Runtime) -> dict[str, Any]:
    """Measure every way, in turn, on one schedd with `jobs` jobs."""
    limits = ("MAX_JOBS_PER_OWNER", "MAX_JOBS_PER_SUBMISSION", "MAX_JOBS_SUBMITTED")
    user = 65534 if os.geteuid() == 0 else None
    options = PoolOptions(user=user, extra=dict.fromkeys(limits, NO_LIMIT))
    figures: dict[str, dict[str, list[object]]] = {way: {"seconds": [], "mib": []} for way in WAYS}
    with pools.pool_of(found, options) as pool:
        papers = folder / f"papers{jobs}"
        papers.mkdir()
        submitted = fill(pool, papers, jobs)
        token = submitters.token_of(pool, "reader", papers, "READ")
        answers: dict[str, list[object]] = {}

        def take(way: str) -> None:
            said = measured(way, pool, token)
            answers[way] = said["answer"]
            for name, values in figures[way].items():
                values.append(said[name])

        for _ in range(runs):
            for way in SAME_ANSWER:
                take(way)
        with negotiated(pool, found):
            for _ in range(runs):
                take("AutoCluster")
    if answers["aggregated (glidein)"] != answers["one ad per job, added up"]:
        raise SystemExit("the two ways do not come to the same answer")
    return {"jobs": jobs, "submitted_in": submitted, "groups": len(answers["aggregated (glidein)"]),
            "figures": figures}  # fmt: skip


def main() -> None:
    """Measure all sizes and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[100_000, 590_000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--name", default="demand", help="of the file under bench/out")
    parser.add_argument("--once", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        once(*options.once)
        return
    with pools.open_folder("glb-") as folder:
        found = pools.readable_by_all(runtime.get(), folder)
        sizes = [bench(jobs, options.runs, folder, found) for jobs in options.jobs]
    rows = []
    for size in sizes:
        figures = size["figures"]
        plain = ("one ad per job, added up", "one ad per job, fetched only")
        bases = [median(figures[way]["seconds"]) for way in plain]
        for way, values in figures.items():
            seconds = values["seconds"]
            rows.append([size["jobs"], way, f"{median(seconds):.2f}",
                         f"{min(seconds):.2f}-{max(seconds):.2f}",
                         *(f"{median(seconds) / base:.2f}" for base in bases),
                         f"{median(values['mib']):.0f}"])  # fmt: skip
    columns = ["jobs", "way", "seconds", "min-max", "ratio", "to fetch", "peak MiB"]
    publish(options.name, columns, rows, sizes=sizes, limit=LIMIT)


if __name__ == "__main__":
    main()

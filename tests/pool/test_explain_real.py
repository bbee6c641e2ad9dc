"""explain on real pools: what it says is what the negotiator does."""

import json
import sys
from pathlib import Path

import pytest

from glidein import process
from glidein.process import Result
from glidein.runtime import Runtime
from glidein.throwaway import ThrowawayPool
from tests.beds import pilots, submitters

pytestmark = [pytest.mark.real, pytest.mark.root]
SLEEP = ("executable=/bin/sleep\narguments=600\ntransfer_executable=false\n"
         "should_transfer_files=YES\nrequest_disk=1M\n")  # fmt: skip
GLIDEIN = Path(sys.executable).parent / "glidein"


def explain(pool: ThrowawayPool, token: Path, what: str, home: Path) -> Result:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
    argv: list[str | Path] = [
        GLIDEIN,
        "explain",
        what,
        "--json",
        "--pool",
        str(pool.address),
        "--token-file",
        token,
    ]
    return process.run(argv, timeout=60, env=env, check=False)


def test_the_first_no_is_the_cause(
    shared: ThrowawayPool, condor: Runtime, papers: Path, tmp_path: Path
) -> None:
    token = submitters.token_of(shared, "reader", papers, "READ")
    jobs = {
        "owner": ("bob", "request_memory=32"),
        "case": ("Alice", "request_memory=32"),
        "memory": ("alice", "request_memory=100000"),
        "gpus": ("alice", "request_memory=32\nrequest_gpus=2"),
        "life": ("alice", "request_memory=32\nallowed_job_duration=86400"),
        "own": ("alice", 'request_memory=32\nrequirements=TARGET.Colour == "red"'),
        "held": ("alice", "request_memory=32\nhold=true"),
        "fits": ("alice", "request_memory=32"),
    }
    ids = {name: submitters.submit(shared, owner, f"{SLEEP}{lines}\nqueue\n", papers)
           for name, (owner, lines) in jobs.items()}  # fmt: skip

    def told(name: str) -> str:
        said = explain(shared, token, ids.get(name, name), tmp_path)
        assert "Traceback" not in said.stderr
        last = json.loads(said.stdout)["findings"][-1]
        return f"{last['verdict']} {last['subject']}: {last['message']} | {last['remedy']}"

    try:
        assert "none was asked for" in told("memory")
        with pilots.yard(condor.root, str(shared.address)) as yard:
            conf = {"OWNERS": "alice", "REQUEST_ID": "gexplained"}
            pilot = yard.start(65534, shared.token("alice"), conf).wait_for("joined")
            assert 'TARGET.Owner =?= "alice" is false (TARGET.Owner = "bob")' in told("owner")
            assert 'TARGET.Owner = "Alice"' in told("case")
            assert "RequestMemory" in told("memory")
            assert "--memory" in told("memory")
            assert "GPUs" in told("gpus")
            assert "AllowedJobDuration" in told("life")
            assert "--lifetime" in told("life")
            assert 'TARGET.Colour == "red"' in told("own")
            assert "it is held" in told("held")
            assert "no schedd of this pool has job 999999.0" in told("999999")
            until_running(shared, ids["fits"])
            assert "PASS" in told("fits")
            for name in ("owner", "case", "memory", "gpus", "life", "own"):
                assert status(shared, ids[name]) == "1", told(name)
            assert pilot.ended() is None
    finally:
        submitters.clear(shared)


def status(pool: ThrowawayPool, job: str) -> str:
    return pool.tool("condor_q", "-all", job, "-af", "JobStatus").stdout.strip()


def until_running(pool: ThrowawayPool, job: str) -> None:
    pilots.wait_until(lambda: status(pool, job) == "2", 30, f"job {job} runs")

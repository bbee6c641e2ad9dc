"""A workflow that meets bad days: a node that fails is retried; a rescue DAG goes on elsewhere."""

from pathlib import Path

import pytest

from glidein.throwaway import ThrowawayPool
from tests.beds import pools
from tests.beds.pilots import Yard, give, wait_until, write

pytestmark = [pytest.mark.real, pytest.mark.root]

DAG = """\
JOB first node.sub
VARS first name="first"
JOB second node.sub
VARS second name="second"
PARENT first CHILD second
RETRY first 3
"""
NODE = """\
executable = node.sh
arguments = $(name)
transfer_executable = true
should_transfer_files = yes
log = events.log
output = out.$(name)
request_cpus = 1
request_memory = 16
request_disk = 1024
queue
"""
# The first node fails twice; the second one fails until somebody mends what it needs.
SCRIPT = """\
#!/bin/sh
echo run >>{place}/runs.$1
case $1 in
  first) [ "$(wc -l <{place}/runs.first)" -ge 3 ] ;;
  second) [ -e {place}/mended ] ;;
esac
"""


def runs(place: Path, name: str) -> int:
    log = place / f"runs.{name}"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_a_failing_node_is_retried_and_a_rescue_dag_goes_on_with_a_new_pilot(
    pilots: Yard, pool: ThrowawayPool, users: dict[str, int]
) -> None:
    uid, token = users["gltest1"], pool.token("gltest1")
    with pools.open_folder("gld-") as place:
        give(place, uid)
        write(place / "flow.dag", DAG, uid)
        write(place / "node.sub", NODE, uid)
        write(place / "node.sh", SCRIPT.format(place=place), uid, 0o755)
        submit = ("condor_submit_dag", "flow.dag")
        pool.tool(*submit, user=uid, cwd=place)
        first = pilots.start(uid, token, {"IDLE": "8"})
        rescue = place / "flow.dag.rescue001"
        wait_until(rescue.exists, 90, "the rescue DAG")
        assert (runs(place, "first"), runs(place, "second")) == (3, 1)
        assert first.wait(40) == 0
        assert first.reason == "idle"
        first.assert_clean()
        write(place / "mended", "", uid)
        wait_until(lambda: not (place / "flow.dag.lock").exists(), 20, "DAGMan's end")
        pool.tool(*submit, user=uid, cwd=place)
        second = pilots.start(uid, token, {"IDLE": "8"})
        wait_until(lambda: runs(place, "second") == 2, 60, "the second node's second run")
        assert second.wait(40) == 0
        assert runs(place, "first") == 3
        told = (place / "flow.dag.dagman.out").read_text()
        assert "EXITING WITH STATUS 0" in told
        second.assert_clean()

"""Bad days of the pool and of the way to it: the central manager restarts, the WAN is cut."""

import time

import pytest

from tests.beds.slurm import SlurmBed, wait_for
from tests.slurm.person import Person
from tests.slurm.work import Work, in_pool

pytestmark = [pytest.mark.real, pytest.mark.root]


def test_the_central_manager_restarts_while_twenty_pilots_run(bed: SlurmBed) -> None:
    alice = Person(bed)
    requests = [alice.start("--nodes", "10", "--idle-time", "5m") for _ in range(2)]
    for each in requests:
        alice.wait_joined(each, 10, timeout=180)
    known = lambda: sum(len(in_pool(bed, each)) for each in requests)  # noqa: E731
    wait_for(lambda: known() == 20, 30, lambda: f"{known()} pilots are in the collector")
    work = Work(bed, "alice", "before", 8, 30)
    work.wait_running(8)
    bed.restart_cm()
    began = time.monotonic()
    wait_for(lambda: known() == 20, 120, lambda: f"{known()} pilots are back in the collector")
    print(f"20 pilots were back {time.monotonic() - began:.1f} s after the restart")
    work.wait_done()
    work.check_once()
    after = Work(bed, "alice", "after", 8, 1)
    after.wait_done()
    after.check_once()
    for each in requests:
        assert alice.row(each)["state"] == "running"
        assert alice.types("cancel", each).returncode == 0
    for each in requests:
        alice.wait_nothing(each)

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

    def known() -> int:
        return sum(len(in_pool(bed, each)) for each in requests)

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


def lines_of(work: Work) -> list[str]:
    """The events of the jobs, each with its time."""
    return [line for line in work.log().splitlines() if line[:3].isdigit() and line[3:5] == " ("]


def cut(bed: SlurmBed, seconds: float) -> None:
    """Cut the WAN under running jobs, restore it, and see that nothing was lost."""
    alice = Person(bed)
    request = alice.start("--nodes", "4", "--idle-time", "30m", "--lifetime", "1h")
    alice.wait_joined(request, 4)
    brief = Work(bed, "alice", "brief", 2, seconds / 2)
    longer = Work(bed, "alice", "longer", 2, seconds + 30)
    for each in (brief, longer):
        each.wait_running(2)
    bed.cut_wan()
    time.sleep(seconds)
    assert alice.row(request)["state"] == "running"
    assert len(brief.happened("end")) == 2
    bed.restore_wan()
    began = time.time()
    after = Work(bed, "alice", "after", 4, 1)
    for each in (after, brief, longer):
        each.wait_done(400)
        print(f"{each.name} was done {time.time() - began:.1f} s after", *lines_of(each), sep="\n")
    first = min(at for _, _, _, at in after.happened("start"))
    wait_for(lambda: len(in_pool(bed, request)) == 4, 70, "the pilots are in the collector")
    print(f"first new job {first - began:.1f} s after; all back {time.time() - began:.1f} s after")
    for each in (after, brief, longer):
        each.check_once()
    assert alice.types("cancel", request).returncode == 0
    alice.wait_nothing(request)


def test_the_way_to_the_pool_is_cut_for_a_minute(bed: SlurmBed) -> None:
    cut(bed, 60)


def test_the_way_to_the_pool_is_cut_for_ten_minutes(bed: SlurmBed) -> None:
    cut(bed, 600)

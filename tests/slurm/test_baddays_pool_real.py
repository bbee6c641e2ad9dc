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


def cut(bed: SlurmBed, seconds: float) -> None:
    """Cut the WAN under running jobs, restore it, and see that nothing was lost."""
    alice = Person(bed)
    request = alice.start("--nodes", "5", "--idle-time", "30m", "--lifetime", "1h")
    alice.wait_joined(request, 5)
    brief = Work(bed, "alice", "brief", 2, seconds / 2)
    longer = Work(bed, "alice", "longer", 2, seconds + 15)
    for each in (brief, longer):
        each.wait_running(2)
    bed.cut_wan()
    time.sleep(seconds)
    assert alice.row(request)["state"] == "running"
    assert len(brief.happened("end")) == 2
    bed.restore_wan()
    began = time.time()
    after = Work(bed, "alice", "after", 4, 1)
    # The kernel speaks again when its next attempt is due: each waits twice as long as the one
    # before, up to two minutes.
    for each in (after, brief, longer):
        each.wait_done(240)
        print(f"{each.name} was done {time.time() - began:.1f} s after the cut")
    wait_for(lambda: len(in_pool(bed, request)) == 5, 70, "the pilots are in the collector")
    first = min(at for _, _, _, at in after.happened("start"))
    print(f"first new job {first - began:.1f} s after; all back {time.time() - began:.1f} s after")
    for each in (after, brief, longer):
        each.check_once()
    assert alice.types("cancel", request).returncode == 0
    alice.wait_nothing(request)


def test_the_way_to_the_pool_is_cut_for_a_minute(bed: SlurmBed) -> None:
    cut(bed, 60)


# Ten real minutes. Not to be scaled down: HTCondor's heartbeat has a floor of 30 s, it gives up
# after 3 of them, and the kernel's waits between attempts grow with the cut up to two minutes
# and no setting of the pool changes them. What happens depends on which of these passes first.
@pytest.mark.long
def test_the_way_to_the_pool_is_cut_for_ten_minutes(bed: SlurmBed) -> None:
    cut(bed, 600)


def test_a_gateway_forgets_what_is_idle_for_45_seconds(bed: SlurmBed) -> None:
    alice = Person(bed)
    bed.nat_patience(45)
    request = alice.start("--nodes", "2", "--idle-time", "15m", "--lifetime", "1h")
    alice.wait_joined(request, 2)
    time.sleep(60)
    work = Work(bed, "alice", "work", 2, 1)
    work.wait_running(2, timeout=30)
    work.wait_done()
    work.check_once()
    assert alice.types("cancel", request).returncode == 0
    alice.wait_nothing(request)


@pytest.mark.long
def test_a_gateway_forgets_every_connection(bed: SlurmBed) -> None:
    alice = Person(bed)
    request = alice.start("--nodes", "2", "--idle-time", "15m", "--lifetime", "1h")
    alice.wait_joined(request, 2)
    bed.nat_forgets()
    began = time.time()
    work = Work(bed, "alice", "work", 4, 1)
    work.wait_done(240)
    first = min(at for _, _, _, at in work.happened("start"))
    print(f"the first job started {first - began:.1f} s after the gateway forgot")
    work.check_once()
    assert len(in_pool(bed, request)) == 2
    assert alice.types("cancel", request).returncode == 0
    alice.wait_nothing(request)

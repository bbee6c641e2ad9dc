"""Killed, the bed leaves nothing: no process, mount, cgroup, interface or folder."""

import os
import signal
import sys
from pathlib import Path

import pytest

from glidein import process
from tests.beds.slurm import SlurmBed, wait_for

pytestmark = [pytest.mark.real, pytest.mark.root]

CHILD = """\
import sys, time
from tests.beds.slurm import SlurmBed
bed = SlurmBed(accounting=False).start()
print(bed.folder, bed.holder, flush=True)
time.sleep(600)
"""
HALF = """\
import time
from tests.beds.slurm import SlurmBed
class Slow(SlurmBed):
    def prepare(self):
        print(self.folder, flush=True)
        time.sleep(600)
Slow().start()
"""
ONE_JOB = """\
from tests.beds.slurm import SlurmBed
with SlurmBed(accounting=False) as bed:
    assert str(bed.folder) in (bed.folder / "controllers").read_text()
    number = bed.submit("alice", "-N2", "--wrap", "srun sleep 0.1")
    print(bed.folder, bed.wait_state(number))
"""
CHECKOUT = Path(__file__).parent.parent.parent


def left(folder: Path) -> list[str]:
    """What is still there of a bed."""
    found = [f"process {pid}" for pid in process.all_of(folder)]
    for path in [folder, *Path("/sys/fs/cgroup").glob(f"*/{folder.name}")]:
        found += [str(path)] if path.exists() else []
    mounts = Path("/proc/self/mounts").read_text()
    return found + [line for line in mounts.splitlines() if folder.name in line]


def network() -> tuple[str, list[str]]:
    """The machine's own interfaces and named namespaces."""
    links = process.run(["ip", "-br", "link"], timeout=10).stdout
    named = Path("/run/netns")
    return links, sorted(str(path) for path in named.iterdir()) if named.exists() else []


def test_killing_the_holder_removes_everything() -> None:
    before = network()
    bed = SlurmBed(accounting=False).start()
    number = bed.submit("alice", "-N3", "--wrap", "srun sleep 600")
    bed.wait_state(number, "RUNNING")
    bed.delay(5)
    assert network() == before
    assert len(process.all_of(bed.folder)) > 20
    os.kill(bed.holder, signal.SIGKILL)
    wait_for(lambda: not left(bed.folder), 10, lambda: f"all is gone: {left(bed.folder)}")
    assert network() == before
    bed.stop()


def test_killing_whoever_made_it_removes_everything(tmp_path: Path) -> None:
    log = tmp_path / "log"
    maker = process.spawn([sys.executable, "-c", CHILD], log=log, env=dict(os.environ),
                          cwd=CHECKOUT)  # fmt: skip
    wait_for(lambda: log.read_text().count("\n"), 40, "the bed is up")
    folder = Path(log.read_text().split()[0])
    assert left(folder)
    os.kill(maker, signal.SIGKILL)
    os.waitpid(maker, 0)
    wait_for(lambda: not left(folder), 10, lambda: f"all is gone: {left(folder)}")


def test_a_bed_killed_while_it_is_laid_out_leaves_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    maker = process.spawn([sys.executable, "-c", HALF], log=log, env=dict(os.environ), cwd=CHECKOUT)
    wait_for(lambda: log.read_text().count("\n"), 40, "the bed is half laid out")
    os.kill(maker, signal.SIGKILL)
    os.waitpid(maker, 0)
    folder = Path(log.read_text().strip())
    wait_for(lambda: not left(folder), 10, lambda: f"all is gone: {left(folder)}")


def test_a_machine_with_new_cgroups_only_lends_its_freezer() -> None:
    hide = "mount -t tmpfs none /sys/fs/cgroup && exec"
    argv = ["unshare", "--mount", "sh", "-c", f'{hide} "$@"', "sh", sys.executable, "-c", ONE_JOB]
    said = process.run(argv, timeout=60, env=dict(os.environ), cwd=CHECKOUT).stdout.split()
    assert said[1:] == ["COMPLETED"]
    assert left(Path(said[0])) == []


def test_a_bed_that_cannot_come_up_says_why_and_leaves_nothing() -> None:
    class Broken(SlurmBed):
        def prepare(self) -> None:
            super().prepare()
            (self.folder / "gateway.nft").write_text("no such thing\n")

    bed = Broken(accounting=False)
    with pytest.raises(AssertionError, match=r"(?s)not up: .*no such thing"):
        bed.start()
    assert left(bed.folder) == []

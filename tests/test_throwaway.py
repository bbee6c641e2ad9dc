import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glidein import process, runtime
from glidein.errors import ObservationError
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import pools

pytestmark = [pytest.mark.real, pytest.mark.root]


def test_a_pool_comes_up_and_leaves_neither_process_nor_file(
    condor: runtime.Runtime, users: dict[str, int]
) -> None:
    with pools.open_folder("glp-") as folder:
        options = PoolOptions(user=users["gltest1"])
        with ThrowawayPool(condor, folder / "pool", options) as pool:
            said = pool.tool("condor_status", "-any", "-af", "MyType").stdout.split()
            assert {"Scheduler", "Negotiator"} <= set(said)
            assert process.all_of(folder / "pool")
        assert process.all_of(folder / "pool") == []
        assert not (folder / "pool").exists()


def test_a_pool_that_cannot_start_says_what_its_log_says(
    condor: runtime.Runtime, users: dict[str, int]
) -> None:
    options = PoolOptions(user=users["gltest1"], extra={"LOG": "/proc/nowhere"})
    with pools.open_folder("glp-") as folder:
        pool = ThrowawayPool(condor, folder / "pool", options)
        with pytest.raises(ObservationError, match="/proc/nowhere"):
            pool.start(timeout=5)
        assert process.all_of(folder / "pool") == []
        assert not (folder / "pool").exists()


def test_a_killed_pool_carries_on_with_its_queue(
    condor: runtime.Runtime, users: dict[str, int]
) -> None:
    with pools.pool_of(condor, PoolOptions(user=users["gltest1"])) as pool:
        submit = "executable=/bin/true\ntransfer_executable=false\nqueue\n"
        pool.tool("condor_submit", "-", stdin=submit)
        pool.kill()
        assert process.all_of(pool.folder) == []
        pool.start()
        assert pool.tool("condor_q", "-all", "-af", "ClusterId").stdout.split() == ["1"]


def test_what_a_killed_owner_leaves_the_guard_removes(
    condor: runtime.Runtime, users: dict[str, int]
) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from glidein import runtime; from glidein.throwaway import *\n"
        "found = runtime.Runtime('x', '', '', '', Path(sys.argv[1]), '')\n"
        "ThrowawayPool(found, Path(sys.argv[2]), PoolOptions(user=int(sys.argv[3]))).start()\n"
        "print('up', flush=True); time.sleep(60)\n"
    )
    with pools.open_folder("glp-") as folder:
        argv = [sys.executable, "-c", program, str(condor.root), str(folder / "pool")]
        with subprocess.Popen([*argv, str(users["gltest1"])], stdout=subprocess.PIPE) as owner:
            assert owner.stdout is not None
            assert owner.stdout.readline() == b"up\n"
            os.kill(owner.pid, signal.SIGKILL)
        _wait_until_gone(folder / "pool")
        assert process.all_of(folder / "pool") == []


def _wait_until_gone(folder: Path) -> None:
    until = time.monotonic() + 10
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.exists()

"""Cgroup trees as kernels lay them out; the real kernel's own is read as well."""

import os
import sys
from pathlib import Path

import pytest

from glidein import process
from glidein.host.given import given
from glidein.model import Resources

WHOLE = given(Path("/nonexistent"), Path("/nonexistent"))


def tree(folder: Path, own: str, files: dict[str, str]) -> Resources:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + "\n")
    (folder / "self").write_text(own)
    return given(folder, folder / "self")


def test_without_a_limit_it_is_the_machine(tmp_path: Path) -> None:
    assert WHOLE.cpus == len(os.sched_getaffinity(0))
    assert WHOLE.memory_mb is not None
    files = {"a/memory.max": "max", "a/cpu.max": "max 100000", "memory.max": "junk"}
    assert tree(tmp_path, "0::/a\n", files) == WHOLE


def test_version_2_counts_the_groups_above_too(tmp_path: Path) -> None:
    files = {
        "a/b/cpu.max": "max 100000", "a/cpu.max": "150000 100000", "a/b/memory.max": "2147483648",
        "a/memory.max": "1073741824", "other/memory.max": "1048576",
    }  # fmt: skip
    assert tree(tmp_path, "0::/a/b\n", files) == Resources(cpus=1, memory_mb=1024)


def test_version_1_and_both_at_once(tmp_path: Path) -> None:
    own = "7:cpu,cpuacct:/job\n4:memory:/job/step\n2:pids:/x\n0::/init\n"
    files = {
        "cpu/job/cpu.cfs_quota_us": "50000", "cpu/job/cpu.cfs_period_us": "100000",
        "cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000",
        "memory/job/memory.limit_in_bytes": "536870912",
        "memory/job/step/memory.limit_in_bytes": "9223372036854771712",
    }  # fmt: skip
    assert tree(tmp_path, own, files) == Resources(cpus=1, memory_mb=512)


def test_the_cores_that_we_may_run_on_count() -> None:
    one = str(min(os.sched_getaffinity(0)))
    program = "from glidein.host import check; print(check.machine().cpus)"
    said = process.run(["taskset", "-c", one, sys.executable, "-c", program], timeout=20)
    assert said.stdout.strip() == "1"


@pytest.mark.parametrize("text", ["", "::", "0:", "nonsense\n\n1:memory", "0::/../../etc"])
def test_odd_words_of_the_kernel_raise_nothing(tmp_path: Path, text: str) -> None:
    assert tree(tmp_path, text, {}) == WHOLE

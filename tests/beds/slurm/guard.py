"""Waits until the bed's holder, or whoever made the bed, is gone; then nothing of the bed stays.

Its arguments: the holder's pid, the bed's folder, and a folder that gets the logs, or nothing. Its
standard input is a pipe whose other end the maker holds.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path


def leaves_no_cgroup(folder: Path) -> bool:
    """Remove what Slurm made for the bed's jobs; cgroups outlive the processes in them."""
    for top, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            Path(top).rmdir()
    return not folder.exists()


def main(holder: int, bed: Path, keep: str) -> None:
    """Wait, then remove."""
    ours = os.pidfd_open(holder)
    select.select([ours, sys.stdin], [], [])
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(ours, signal.SIGKILL)
    select.select([ours], [], [])
    cgroups = [Path(line) for line in (bed / "controllers").read_text().split()]
    until = time.monotonic() + 20
    while not all(map(leaves_no_cgroup, cgroups)) and time.monotonic() < until:
        time.sleep(0.02)
    for mounted in {path.parent for path in cgroups if bed in path.parents}:
        subprocess.run(["/bin/umount", "--lazy", mounted], check=False)
    if keep:
        shutil.copytree(bed / "logs", Path(keep, bed.name), dirs_exist_ok=True)
    shutil.rmtree(bed, ignore_errors=True)


main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])

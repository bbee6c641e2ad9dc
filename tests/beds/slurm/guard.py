"""Holds the bed: starts it, and waits until it, or whoever made it, is gone; then nothing stays.

Its arguments: the bed's folder, and a folder that gets the logs, or nothing. Its standard input is
a pipe whose other end the maker holds; a line in it says that the bed may start.
"""

import os
import select
import shutil
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


def hold(bed: Path) -> None:
    """Start the bed; return when it, or whoever made it, is gone, and then neither is there."""
    apart = ["--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
    argv = ["/usr/bin/unshare", *apart, "--mount-proc", "bash", str(bed / "bin/init.sh")]
    with (bed / "logs/init").open("w") as log:
        holder = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
    (bed / "holder").write_text(f"{holder.pid}\n")
    select.select([os.pidfd_open(holder.pid), sys.stdin], [], [])
    holder.kill()
    holder.wait()


def main(bed: Path, keep: str) -> None:
    """Hold the bed when told to by a line, and remove all of it in the end."""
    if sys.stdin.readline():
        hold(bed)
    listed = bed / "controllers"
    cgroups = [Path(line) for line in listed.read_text().split()] if listed.exists() else []
    until = time.monotonic() + 20
    while not all(map(leaves_no_cgroup, cgroups)) and time.monotonic() < until:
        time.sleep(0.02)
    for mounted in {path.parent for path in cgroups if bed in path.parents}:
        subprocess.run(["/bin/umount", "--lazy", mounted], check=False)
    if keep and (bed / "logs").exists():
        shutil.copytree(bed / "logs", Path(keep, bed.name), dirs_exist_ok=True)
    shutil.rmtree(bed, ignore_errors=True)


main(Path(sys.argv[1]), sys.argv[2])

"""While an annex is created, others look: in every argument, environment and file they can read."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from glidein import process
from tests.annex.far.desk import Desk
from tests.beds.slurm import SlurmBed, wait_for

pytestmark = [pytest.mark.real, pytest.mark.root]

# What it looks for comes on standard input, so that it does not find itself.
LOOK = r"""
read -r secret
: >"$1.ready"
while [ ! -e "$1.stop" ]; do
  for f in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do
    while IFS= read -r -d '' word; do
      case $word in *"$secret"*) echo "$f" >>"$1";; esac
    done <"$f"
  done 2>/dev/null
  find /tmp /var/tmp /home /run /dev/shm -type f -newer "$1.ready" -readable 2>/dev/null |
    while IFS= read -r f; do
      case $(head -c 300000 "$f" 2>/dev/null | tr -d '\0') in *"$secret"*) echo "$f" >>"$1";; esac
    done
done
"""


@contextmanager
def looking(bed: SlurmBed, host: str, user: str, secret: str) -> Iterator[Path]:
    """Let somebody look on a host; yield the file in which they note what they saw."""
    seen = bed.folder / "scratch" / f"seen.{host}.{user}"
    there = f"/scratch/{seen.name}"
    question = bed.folder / f"secret.{host}.{user}"
    question.write_text(secret + "\n")
    with question.open("rb") as stdin:
        argv = bed.command(host, user, "bash", "-c", LOOK, "look", there)
        pid = process.spawn(argv, log=bed.folder / "logs/look", stdin=stdin.fileno())
    question.unlink()
    try:
        wait_for(Path(f"{seen}.ready").exists, 20, f"{user} looks on {host}")
        yield seen
    finally:
        Path(f"{seen}.stop").touch()
        wait_for(lambda: not process.alive(pid), 30, "nobody looks any more")
        if process.alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_nobody_else_sees_the_token_at_any_moment(session_bed: SlurmBed) -> None:
    session_bed.reset()
    desk = Desk(session_bed)
    secret = (desk.home / "token").read_text().strip().split(".")[2]
    with (
        looking(session_bed, "login", "bob", secret) as bobs,
        looking(session_bed, "ap", "bob", secret) as far_bobs,
        looking(session_bed, "c0", "bob", secret) as nodes_bobs,
    ):
        for number in range(3):
            assert desk.create(f"a{number}", "--idle-time", "5").returncode == 0
    assert [each.read_text() for each in (bobs, far_bobs, nodes_bobs) if each.exists()] == []


def test_the_look_out_sees_what_is_to_be_seen(session_bed: SlurmBed) -> None:
    session_bed.reset()
    with looking(session_bed, "login", "bob", "gl-visible-word") as bobs:
        session_bed.on("login", "alice", "bash", "-c", "sleep 2; : gl-visible-word")
        session_bed.on("login", "alice", "bash", "-c", "echo gl-visible-word >/tmp/shown; sleep 2")
    assert {"cmdline" in line for line in bobs.read_text().split()} == {True, False}

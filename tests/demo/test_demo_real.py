"""The main job on this machine; tests/newcomer plays it as an ordinary user in a fresh clone."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glidein import process, runtime
from glidein.demo import show
from glidein.demo.stage import stage
from glidein.demo.workflow import Workflow
from glidein.host.identity import Identity, family

pytestmark = [pytest.mark.real, pytest.mark.root]

ROOT = Path(__file__).parent.parent.parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def folders_of(pid: int) -> set[Path]:
    """Return the demo's folder, as the environments of its pool's daemons name it."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            text = (entry / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if int(fields[1]) == pid and "CONDOR_CONFIG=/tmp/glidein-demo-" in text:
            found.add(Path("/tmp", text.split("CONDOR_CONFIG=/tmp/")[1].split("/")[0]))
    return found


def test_demo_with_many_jobs_and_two_pilots(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "glidein", "demo", "--jobs", "4", "--pilots", "2"]
    said = process.run(argv, timeout=300, cwd=tmp_path)
    assert said.stdout.count("42 page_") == 4
    assert "pilot 1:" in said.stdout
    assert re.search(r"clean up +ending pool and pilots, removing /tmp/glidein-demo-", said.stdout)
    assert re.search(r"^clean up +\d+\.\d$", said.stdout, re.MULTILINE)
    drawn = (tmp_path / "glidein-demo.svg").read_text()
    assert "count_3" in drawn


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_killed_leaves_nothing(tmp_path: Path, number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "glidein", "demo"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "runs" in line:
                break
        (folder,) = folders_of(demo.pid)
        assert process.all_of(folder)
        os.kill(demo.pid, number)
        rest = demo.stdout.read()
    assert demo.returncode == (130 if number == signal.SIGINT else -number)
    assert number != signal.SIGINT or f"removing {folder}" in rest
    until = time.monotonic() + 15
    while (folder.exists() or process.all_of(folder)) and time.monotonic() < until:
        time.sleep(0.1)
    assert process.all_of(folder) == []
    assert not folder.exists()


def test_a_pilot_without_its_mark_is_ended_too(tmp_path: Path) -> None:
    """Who re-executes itself by `env -i`, or starts a child so, keeps number and descent."""
    with stage() as where:
        said: list[str] = []
        course = show.Course(time.time(), lambda who, what: said.append(f"{who}: {what}"))
        found = runtime.Runtime("x", "", "", "", Path("/nowhere"), "")
        play = show.Play(course, show.DemoOptions(), where, found, Workflow(1, "http://nowhere"))
        script = "env -i sleep 60 & exec env -i sleep 60"
        pid = process.spawn(["bash", "-c", script], log=tmp_path / "log")
        time.sleep(0.5)
        who = Identity.of(pid)
        assert who is not None
        kin = family(who, ())
        assert len(kin) == 2
        play.started.append(who)
        try:
            play.clean_up()
            assert not [each for each in kin if each.alive()]
        finally:
            for each in kin:
                each.signal(signal.SIGKILL)
            os.waitpid(pid, 0)
        assert said == [f"clean up: ending pool and pilots, removing {where.folder}"]

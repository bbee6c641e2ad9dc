"""The main job, as a newcomer runs it: a fresh clone, an ordinary user, an empty home."""

import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from glidein import process
from tests.beds import pools

pytestmark = [pytest.mark.real, pytest.mark.root]

ROOT = Path(__file__).parent.parent.parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def processes_of(uid: int) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if entry.stat().st_uid == uid and process.alive(int(entry.name)):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


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


def test_make_demo_twice_in_a_fresh_clone_as_an_ordinary_user(users: dict[str, int]) -> None:
    uid = users["gltest3"]
    with pools.open_folder("glc-") as folder:
        clone = folder / "glidein"
        process.run(["git", "clone", "-q", "--no-hardlinks", ROOT, clone], timeout=60)
        process.run(["chown", "-R", "gltest3", folder], timeout=30)
        (folder / "home").mkdir()
        os.chown(folder / "home", uid, -1)
        inherited = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "SSL_CERT_FILE", "HTTPS_PROXY")
        env = {"PATH": PATH, "HOME": str(folder / "home"), "LANG": "C.UTF-8"}
        env |= {name: os.environ[name] for name in inherited if name in os.environ}
        first = process.run(["make", "demo"], timeout=400, env=env, cwd=clone, user=uid)
        assert "fetching HTCondor from Debian" in first.stdout
        second = process.run(["make", "demo"], timeout=200, env=env, cwd=clone, user=uid)
        assert "fetching HTCondor" not in second.stdout
        for said in (first.stdout, second.stdout):
            assert "result count_0.txt: 42 page_0.html" in said
            assert "nothing else is left behind" in said
        ElementTree.parse(clone / "glidein-demo.svg")
        assert processes_of(uid) == []
        mine = [path for path in Path("/tmp").iterdir() if path.lstat().st_uid == uid]
        assert [path for path in mine if not path.name.startswith("uv-")] == []


def test_demo_with_many_jobs_and_two_pilots(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "glidein", "demo", "--jobs", "4", "--pilots", "2"]
    said = process.run(argv, timeout=300, cwd=tmp_path)
    assert said.stdout.count("42 page_") == 4
    assert "pilot 1:" in said.stdout
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
        demo.stdout.read()
    assert demo.returncode != 0
    until = time.monotonic() + 15
    while (folder.exists() or process.all_of(folder)) and time.monotonic() < until:
        time.sleep(0.1)
    assert process.all_of(folder) == []
    assert not folder.exists()

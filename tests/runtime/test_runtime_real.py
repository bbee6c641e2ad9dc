"""Runtimes on real parts: Debian's packages, apt, a bare root without any C library."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from glidein import process, runtime
from glidein.errors import ConfigError, NotFoundError, RuntimeUnavailable
from glidein.runtime import debian

pytestmark = [pytest.mark.real, pytest.mark.root]

PLACE = r"""
set -euo pipefail
mkdir -p "$2"; tar -x -f "$1" -C "$2" --strip-components=1
while read -r offset length path; do
  { printf '%s' "$2/lib/ld-linux-x86-64.so.2"; head -c "$length" /dev/zero; } | head -c "$length" |
    dd of="$2/$path" bs=4k seek="$offset" oflag=seek_bytes conv=notrunc status=none
done <"$2/RELOCATE"
"""


@pytest.fixture(scope="session")
def slim(condor: runtime.Runtime, open_place: Path) -> dict[str, Path]:
    """Both slim tarballs, by ending."""
    made = {ending: open_place / f"slim.tar.{ending}" for ending in ("xz", "gz")}
    for path in made.values():
        runtime.pack(condor, path)
    return made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """A loopback web server: what it serves, by path. A body under /cut/ ends half-way."""
    bodies: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if self.path.startswith("/cut/") else body)

        def log_message(self, *args: object) -> None: ...

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{listening.server_address[1]}", bodies
    listening.shutdown()
    listening.server_close()
    thread.join()


def left_in(cache: Path) -> list[str]:
    return [path.name for path in cache.glob(".new-*")]


def test_debians_programs_run_as_a_user_without_home_under_a_hostile_library_path(
    condor: runtime.Runtime, users: dict[str, int], tmp_path: Path
) -> None:
    (tmp_path / "libc.so.6").write_text("not a library")
    env = {"LD_LIBRARY_PATH": str(tmp_path), "CONDOR_CONFIG": "/dev/null"}
    tmp_path.chmod(0o755)
    for name in ("condor_master", "condor_ping", "condor_config_val"):
        argv = [str(condor.program(name)), "-version" if name != "condor_ping" else "-help"]
        said = process.run(argv, timeout=20, env=env, user=users["gltest1"], check=False)
        assert "23.9.6" in said.stdout or "sage" in said.stdout + said.stderr, said


def test_a_second_get_takes_the_cache_and_fetches_nothing(condor: runtime.Runtime) -> None:
    said: list[str] = []
    assert runtime.get("debian", progress=said.append).sha256 == condor.sha256
    assert said == []


def test_slim_tarballs_keep_their_promised_size(slim: dict[str, Path]) -> None:
    assert slim["xz"].stat().st_size <= 13_000_000
    assert slim["gz"].stat().st_size <= 17_000_000


def test_the_same_runtime_packs_to_the_same_bytes(
    condor: runtime.Runtime, slim: dict[str, Path], tmp_path: Path
) -> None:
    again = runtime.pack(condor, tmp_path / "again.tar.gz")
    assert again == hashlib.sha256(slim["gz"].read_bytes()).hexdigest()


@pytest.mark.parametrize("folder", ["plain", "with space é\t'\"$x", "long" * 60 + "/" + "er" * 120])
def test_slim_is_placed_with_shell_tools_and_runs_in_any_folder(
    slim: dict[str, Path], tmp_path: Path, folder: str
) -> None:
    where = tmp_path / folder
    process.run(["bash", "-c", PLACE, "place", slim["gz"], where], timeout=60)
    env = {"CONDOR_CONFIG": "/dev/null"}
    said = process.run([where / "sbin/condor_master", "-version"], timeout=20, env=env)
    assert "23.9.6" in said.stdout
    assert process.run([where / "bin/condor_ping", "-help"], timeout=20, env=env, check=False)


def test_slim_runs_where_there_is_no_c_library_at_all(
    slim: dict[str, Path], tmp_path: Path
) -> None:
    where = tmp_path / "root"
    process.run(["bash", "-c", PLACE, "place", slim["gz"], where / "opt"], timeout=60)
    table = (where / "opt/RELOCATE").read_text().splitlines()
    for line in table:  # as it will be seen from inside
        offset, length, name = line.split(" ", 2)
        with (where / "opt" / name).open("r+b") as file:
            file.seek(int(offset))
            file.write(b"/opt/lib/ld-linux-x86-64.so.2".ljust(int(length), b"\0"))
    for folder in ("dev", "proc"):
        (where / folder).mkdir()
        process.run(["mount", "--bind", f"/{folder}", where / folder], timeout=10)
    try:
        # HTCondor looks its machine's name up, for a minute if need be.
        (where / "etc").mkdir()
        (where / "etc/hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()}\n")
        for words, answer in (
            ("sbin/condor_master -version", "$CondorVersion: 23.9.6"),
            ("bin/condor_status -version", "$CondorVersion: 23.9.6"),
            ("bin/condor_ping -help", "Usage: /opt/bin/condor_ping"),
            ("bin/condor_token_request -help", "Usage: /opt/bin/condor_token_request"),
            ("libexec/condor_gpu_discovery", "DetectedGPUs"),
            ("libexec/curl_plugin -classad", "MultipleFileSupport"),
        ):
            argv = ["/usr/sbin/chroot", str(where), *("/opt/" + words).split()]
            env = {"CONDOR_CONFIG": "/dev/null"}
            said = process.run(argv, timeout=20, env=env, check=False)
            assert answer in said.stdout + said.stderr
    finally:
        for folder in ("dev", "proc"):
            process.run(["umount", where / folder], timeout=10)


def test_a_tarball_becomes_a_runtime_and_its_digest_must_be_right(
    slim: dict[str, Path], tmp_path: Path, server: tuple[str, dict[str, bytes]]
) -> None:
    url, bodies = server
    bodies["/slim.tar.gz"] = slim["gz"].read_bytes()
    digest = hashlib.sha256(bodies["/slim.tar.gz"]).hexdigest()
    cache = tmp_path / "cache"
    found = runtime.get(f"{url}/slim.tar.gz", sha256=digest, where=cache)
    argv = [str(found.program("condor_master")), "-version"]
    assert "23.9.6" in process.run(argv, timeout=20, env={"CONDOR_CONFIG": "/dev/null"}).stdout
    with pytest.raises(RuntimeUnavailable, match="not " + "0" * 64):
        runtime.get(f"{url}/slim.tar.gz", sha256="0" * 64, where=cache)
    assert left_in(cache) == []


def test_without_a_digest_the_first_use_is_recorded_and_a_change_refused(
    slim: dict[str, Path], tmp_path: Path, server: tuple[str, dict[str, bytes]]
) -> None:
    url, bodies = server
    bodies["/r.tar.gz"] = slim["gz"].read_bytes()
    said: list[str] = []
    runtime.get(f"{url}/r.tar.gz", where=tmp_path, progress=said.append)
    assert any(line.startswith("warning: nothing vouches") for line in said)
    bodies["/r.tar.gz"] = slim["xz"].read_bytes()
    with pytest.raises(RuntimeUnavailable, match="nothing was unpacked"):
        runtime.get(f"{url}/r.tar.gz", where=tmp_path)


def test_a_download_cut_half_way_leaves_nothing(
    slim: dict[str, Path], tmp_path: Path, server: tuple[str, dict[str, bytes]]
) -> None:
    url, bodies = server
    bodies["/cut/r.tar.gz"] = slim["gz"].read_bytes()
    with pytest.raises(RuntimeUnavailable, match="cut off"):
        runtime.get(f"{url}/cut/r.tar.gz", where=tmp_path)
    assert runtime.list_runtimes(tmp_path) == ()
    assert left_in(tmp_path) == []


def hostile(path: Path, member: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        folder = tarfile.TarInfo("condor-1/sbin/condor_master")
        tar.addfile(folder)
        tar.addfile(member)
    return path


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("../escaped", tarfile.REGTYPE, ""),
        ("/tmp/glidein-escaped", tarfile.SYMTYPE, "/etc/passwd"),
        ("condor-1/link", tarfile.SYMTYPE, "/etc/passwd"),
        ("condor-1/device", tarfile.CHRTYPE, ""),
    ],
)
def test_a_tarball_with_a_hostile_member_is_refused(
    tmp_path: Path, name: str, kind: bytes, link: str
) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    archive = hostile(tmp_path / "bad.tar.gz", member)
    with pytest.raises(RuntimeUnavailable, match="cannot be unpacked"):
        runtime.get(str(archive), where=tmp_path / "cache")
    assert runtime.list_runtimes(tmp_path / "cache") == ()
    assert not (tmp_path / "escaped").exists()


def test_a_full_disk_leaves_no_half_runtime(slim: dict[str, Path], tmp_path: Path) -> None:
    cache = tmp_path / "small"
    cache.mkdir()
    process.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", cache], timeout=10)
    try:
        with pytest.raises(RuntimeUnavailable, match="No space left"):
            runtime.get(str(slim["gz"]), where=cache)
        assert left_in(cache) == []
        assert runtime.list_runtimes(cache) == ()
    finally:
        process.run(["umount", cache], timeout=10)


def test_a_cache_that_cannot_be_written_is_said(slim: dict[str, Path], tmp_path: Path) -> None:
    process.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", tmp_path], timeout=10)
    try:
        with pytest.raises(RuntimeUnavailable, match="cannot be written"):
            runtime.get(str(slim["gz"]), where=tmp_path / "cache")
    finally:
        process.run(["umount", tmp_path], timeout=10)


def test_two_gets_at_once_make_one_runtime(slim: dict[str, Path], tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as both:
        made = list(both.map(lambda _: runtime.get(str(slim["gz"]), where=tmp_path), range(2)))
    assert made[0] == made[1]
    assert len(runtime.list_runtimes(tmp_path)) == 1
    assert left_in(tmp_path) == []


def test_what_a_killed_get_leaves_the_next_one_sweeps(
    slim: dict[str, Path], tmp_path: Path
) -> None:
    program = "import sys\nfrom pathlib import Path\nfrom glidein import runtime\n"
    program += "runtime.get(sys.argv[1], where=Path(sys.argv[2]))\n"
    with subprocess.Popen([sys.executable, "-c", program, str(slim["xz"]), str(tmp_path)]) as child:
        until = time.monotonic() + 20
        while not list(tmp_path.glob(".new-*/root/*")) and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
    assert left_in(tmp_path)
    assert runtime.list_runtimes(tmp_path) == ()
    runtime.get(str(slim["gz"]), where=tmp_path)
    assert left_in(tmp_path) == []


def test_verify_names_what_was_changed_added_and_lost(
    slim: dict[str, Path], tmp_path: Path
) -> None:
    found = runtime.get(str(slim["gz"]), where=tmp_path)
    assert runtime.verify(found) == ()
    with (found.root / "sbin/condor_startd").open("ab") as file:
        file.write(b"x")
    (found.root / "bin/condor_who").unlink()
    (found.root / "bin/stranger").touch()
    said = {problem.path: problem.message for problem in runtime.verify(found)}
    assert said == {
        "sbin/condor_startd": "changed",
        "bin/condor_who": "missing",
        "bin/stranger": "added",
    }


def test_remove_takes_the_folder_and_the_default(slim: dict[str, Path], tmp_path: Path) -> None:
    found = runtime.get(str(slim["gz"]), where=tmp_path)
    runtime.remove(found)
    assert runtime.list_runtimes(tmp_path) == ()
    with pytest.raises(NotFoundError):
        runtime.find(cache=tmp_path)


def test_apt_without_network_is_said_with_the_other_ways(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("deb http://127.0.0.1:9/debian bookworm main\n")
    with pytest.raises(RuntimeUnavailable, match=r"127\.0\.0\.1"):
        debian.get("trixie", tmp_path / "cache", lambda _: None, sources=tmp_path)
    assert left_in(tmp_path / "cache") == []


def test_a_malformed_digest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="64 hex digits"):
        runtime.get("x.tar.gz", sha256="abc", where=tmp_path)

"""The payload in a real pool: what it promises, clause by clause."""

import http.server
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from glidein import process, report, runtime
from glidein.runtime import Runtime
from glidein.throwaway import PoolOptions
from tests.beds import pools, ports
from tests.payload.conftest import SCRIPT, SPY, Pilot

pytestmark = [pytest.mark.real, pytest.mark.root]

MakePilot = Callable[..., Pilot]
HOST = os.uname().nodename


def test_the_seeds_own_line_runs_the_owners_jobs_and_leaves_when_idle(
    pilot: Pilot, users: dict[str, int]
) -> None:
    mine = pilot.submit("executable=/bin/sleep\narguments=1")
    other = pilot.submit("executable=/bin/sleep\narguments=1", users["gltest2"])
    with pilot.token().open("rb") as token:
        pilot.start(
            "-c", str(pilot.pool.address), "-s", 'RemoteOwner == "gltest1"', "-i", "3",
            "-w", pilot.work, "-u", pilot.condor.root, stdin=token.fileno(),
        )  # fmt: skip
        said = pilot.ended()
    assert (said["reason"], said["exit_code"], said["jobs_run"]) == ("idle", 0, 1)
    assert "RemoteOwner can never match" in pilot.text
    assert pilot.job(mine, "JobStatus") == "4"
    assert pilot.job(other, "JobStatus") == "1"
    assert pilot.left() == []
    pilot.pool.tool("condor_rm", "-all", user=users["gltest2"], check=False)


def test_a_work_folder_with_blanks_in_its_path_works(pilot: Pilot) -> None:
    odd = pilot.work / "two  words 'n \"$(x)é"
    odd.mkdir()
    os.chown(odd, pilot.uid, -1)
    cluster = pilot.submit(
        f"executable=/bin/pwd\noutput={pilot.place}/out\nshould_transfer_files=yes"
    )
    said = pilot.begin(WORK_DIR=odd).ended()
    assert (said["reason"], said["jobs_run"]) == ("idle", 1)
    assert pilot.job(cluster, "ExitCode") == "0"
    assert [*odd.iterdir(), *Path("/tmp").glob(f"glidein-link-{pilot.uid}.*")] == []


def test_killed_in_a_folder_with_blanks_its_link_is_gone_too(pilot: Pilot) -> None:
    odd = pilot.work / "two words"
    odd.mkdir()
    os.chown(odd, pilot.uid, -1)
    pilot.begin(WORK_DIR=odd, IDLE=60).until("STATE joined")
    links = Path("/tmp").glob(f"glidein-link-{pilot.uid}.*")
    assert [oct(link.stat().st_mode & 0o777) for link in links] == ["0o700"]
    os.kill(pilot.pid, signal.SIGKILL)
    pilot.until(lambda: not any(Path("/tmp").glob(f"glidein-link-{pilot.uid}.*")), 10)
    pilot.until(lambda: not any(odd.iterdir()), 10)


def test_in_a_folder_with_blanks_too_what_a_dead_pilot_left_is_removed(pilot: Pilot) -> None:
    odd = pilot.work / "two words"
    dead = odd / f"glidein-{pilot.uid}.deaddead"
    dead.mkdir(parents=True)
    for path in (odd, dead):
        os.chown(path, pilot.uid, -1)
        os.utime(path, (time.time() - 90,) * 2)
    assert pilot.begin(WORK_DIR=odd, RUNTIME="/nowhere").ended()["reason"] == "runtime"
    assert f"removed {dead}" in pilot.text
    assert list(odd.iterdir()) == []


@pytest.mark.parametrize("begun", [b"", b"a.b"])
def test_a_signal_ends_a_pilot_that_waits_for_its_token(pilot: Pilot, begun: bytes) -> None:
    reader, writer = os.pipe()
    os.write(writer, begun)
    pilot.start("--conf", pilot.conf(TOKEN_FILE=""), stdin=reader).until("STATE starting")
    time.sleep(0.5)
    os.kill(pilot.pid, signal.SIGTERM)
    assert pilot.ended(5)["reason"] == "told"
    os.close(reader)
    os.close(writer)


def test_no_job_gets_the_token(pilot: Pilot) -> None:
    pilot.begin(IDLE=20).until("STATE joined")
    assert steals(pilot) == ["nothing"]
    assert "PASS token-hidden" in pilot.text


def test_where_the_kernel_hides_nothing_the_pilot_says_so(pilot: Pilot) -> None:
    hides_nothing(pilot)
    pilot.begin(IDLE=20).until("STATE joined")
    assert "WARN token-hidden" in pilot.text
    hidden = pilot.pool.tool("condor_status", "-af", "GlideinTokenHidden").stdout.split()
    assert "false" in hidden
    assert steals(pilot) != ["nothing"]


def hides_nothing(pilot: Pilot) -> None:
    """Let the pilot find a kernel that makes no namespaces."""
    stand_in = pilot.place / "bin"
    stand_in.mkdir()
    refuses = stand_in / "unshare"
    refuses.write_text("#!/bin/sh\nexit 1\n")
    refuses.chmod(0o755)
    pilot.env["PATH"] = f"{stand_in}:/usr/bin:/bin"


def steals(pilot: Pilot) -> list[str]:
    """Return the ways in which a job of the same user got at the token."""
    token = (pilot.place / "token").read_text().strip()
    spy = pilot.place / "spy.py"
    shutil.copy(SPY, spy)
    spy.chmod(0o755)
    folder = next(pilot.work.iterdir())
    config_val = pilot.condor.program("condor_config_val")
    words = f"{spy} {config_val} {token.split('.')[2]} {pilot.place}/token {folder}/secret/token"
    out = pilot.place / "spy.out"
    cluster = pilot.submit(
        f"executable=/usr/bin/python3\narguments={words}\noutput={out}\nerror={out}.err"
    )
    pilot.until(pilot.done(cluster))
    assert not Path(f"{out}.err").read_text()
    return out.read_text().splitlines()


ESCAPES = (
    "executable=/bin/bash\n"
    "arguments=\"-c '(env -i setsid sleep 4242 &) ; (env -i setsid sleep 4242 &) ; sleep 300'\""
)


def escaped(seconds: str = "4242") -> list[str]:
    found = []
    wanted = f"sleep\0{seconds}\0".encode()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and wanted in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_without_namespaces_what_left_its_session_and_environment_is_ended(pilot: Pilot) -> None:
    hides_nothing(pilot)
    cluster = pilot.submit(ESCAPES.replace("sleep 300", "sleep 2").replace("4242", "42"))
    pilot.begin(IDLE=4).until("STATE busy").until(lambda: len(escaped("42")) == 2)
    pilot.until(pilot.done(cluster))
    assert len(escaped("42")) == 2  # HTCondor does not find them
    pilot.ended()
    assert (escaped("42"), pilot.left()) == ([], [])


def test_killed_itself_its_daemons_and_jobs_are_gone_in_ten_seconds(pilot: Pilot) -> None:
    pilot.submit(ESCAPES)
    pilot.begin().until("STATE busy").until(lambda: len(escaped()) == 2)
    os.kill(pilot.pid, signal.SIGKILL)
    pilot.until(lambda: not escaped() and not pilot.left(), 10).until("GLIDEIN-REPORT", 3)
    assert report.reports(pilot.text)[-1]["reason"] == "killed"


def test_what_a_dead_pilot_left_is_removed_by_the_next_and_nothing_else(
    make_pilot: MakePilot,
) -> None:
    first, second = make_pilot(), make_pilot()
    first.begin(IDLE=60).until("STATE joined")
    alive = next(first.work.iterdir())
    dead = first.work / f"glidein-{first.uid}.deaddead"
    shutil.copytree(alive, dead, ignore=shutil.ignore_patterns("secret", "procd_pipe*"))
    boot, (pid, born) = (lines := (dead / "owner").read_text().splitlines())[0], lines[1].split()
    (dead / "owner").write_text(f"{boot}\n{pid} {int(born) - 1}\n")
    foreign = first.work / f"glidein-{first.uid}.notours1"
    foreign.mkdir()
    for path in (dead, *dead.rglob("*")):
        os.chown(path, first.uid, -1)
    second.begin(WORK_DIR=first.work).until("STATE joined")
    assert f"removed {dead}" in second.text
    assert not dead.exists()
    assert foreign.exists()
    assert alive.exists()
    foreign.rmdir()
    for each in (first, second):
        os.kill(each.pid, signal.SIGTERM)
        assert each.ended()["reason"] == "told"
    assert first.left() == []


def test_told_to_leave_it_lets_jobs_finish_and_takes_no_new_one(pilot: Pilot) -> None:
    running = pilot.submit("executable=/bin/sleep\narguments=5")
    pilot.begin(GRACE=20, CPUS=1).until("STATE busy")
    os.kill(pilot.pid, signal.SIGTERM)
    waiting = pilot.submit("executable=/bin/sleep\narguments=1")
    said = pilot.ended()
    assert (said["reason"], said["exit_code"]) == ("told", 0)
    assert pilot.job(running, "JobStatus") == "4"
    assert pilot.job(running, "NumJobStarts") == "1"
    assert pilot.job(waiting, "JobStatus") == "1"
    assert pilot.left() == []


def test_at_the_end_of_its_life_it_leaves_in_time(pilot: Pilot) -> None:
    long = pilot.submit("executable=/bin/sleep\narguments=1\n+MaxWallTime=60")
    allowed = pilot.submit("executable=/bin/sleep\narguments=1\nallowed_job_duration=3600")
    endless = pilot.submit("executable=/bin/sleep\narguments=600")
    said = pilot.begin(LIFETIME=24, RETIRE=18, IDLE=60).ended()
    assert said["reason"] == "lifetime"
    assert said["ended"] - said["started"] <= 25
    assert pilot.job(long, "JobStatus") == "1"
    assert pilot.job(allowed, "JobStatus") == "1"
    assert pilot.job(endless, "NumJobStarts") == "1"
    assert pilot.job(endless, "JobStatus") != "4"
    assert pilot.left() == []


def test_the_dead_man_ends_a_pilot_that_stands_still(pilot: Pilot) -> None:
    pilot.submit("executable=/bin/sleep\narguments=600")
    pilot.begin(LIFETIME=12, RETIRE=3).until("STATE busy")
    os.kill(pilot.pid, signal.SIGSTOP)
    pilot.until(lambda: not process.alive(pilot.pid) and not pilot.left(), 40).until(
        "GLIDEIN-REPORT", 3
    )
    said = report.reports(pilot.text)[-1]
    assert (said["reason"], said["jobs_run"]) == ("dead-man", 1)
    assert said["busy_core_s"] > 5


def test_a_job_over_its_memory_is_held_with_the_reason(pilot: Pilot) -> None:
    eats = "x = [bytearray(b'x') * 30000000 for _ in range(10)]; import time; time.sleep(60)"
    script = pilot.place / "eats.py"
    script.write_text(eats)
    script.chmod(0o644)
    cluster = pilot.submit(f"executable=/usr/bin/python3\narguments={script}")
    pilot.begin(IDLE=30).until(lambda: pilot.job(cluster, "JobStatus") == "5")
    assert "more memory than it had requested" in pilot.job(cluster, "HoldReason")


@pytest.mark.parametrize(
    ("authz", "change", "reason"),
    [
        (("READ",), "", "token-scope"),
        ((), "damaged", "token-refused"),
        ((), "truncated", "token"),
    ],
)
def test_a_token_that_will_not_do_ends_it_at_once(
    pilot: Pilot, authz: tuple[str, ...], change: str, reason: str
) -> None:
    text = pilot.pool.token("gltest1", *authz)
    changed = {"damaged": text[:-6] + "AAAAAA", "truncated": text[: text.rindex(".")]}
    pilot.token(changed.get(change, text))
    said = pilot.begin().ended(20)
    assert (said["reason"], said["phases"].get("join")) == (reason, None)
    assert {code.reason: code.code for code in report.EXIT_CODES}[reason] == said["exit_code"]
    assert pilot.left() == []


def test_what_is_no_collector_is_told_from_nothing_at_all(pilot: Pilot) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        assert pilot.begin(POOL=address).ended(40)["reason"] == "pool"
        server.shutdown()
    pilot.log.write_text("")
    assert pilot.begin(POOL=address).ended(40)["reason"] == "connect"


def test_a_pool_that_goes_away_is_waited_for_and_then_left(
    make_pilot: MakePilot, condor: Runtime, users: dict[str, int]
) -> None:
    with pools.pool_of(condor, PoolOptions(user=users["gltest1"])) as lost:
        pilot = make_pilot(of=lost)
        pilot.begin(IDLE=100, LOST_WAIT=6).until("STATE joined")
        lost.kill()
        since = time.monotonic()
        said = pilot.ended(60)
        assert (said["reason"], said["exit_code"]) == ("pool-lost", 23)
        assert 5 < time.monotonic() - since < 40
        assert pilot.left() == []
        lost.start()


def test_a_packed_runtime_is_checked_placed_and_used(pilot: Pilot, condor: Runtime) -> None:
    tarball = runtime.pack(runtime.get("debian"), pilot.place / "slim.tar.gz")
    path = Path(str(getattr(tarball, "path", pilot.place / "slim.tar.gz")))
    path.chmod(0o644)
    wrong = pilot.begin(RUNTIME=path, RUNTIME_SHA256="0" * 64).ended()
    assert (wrong["reason"], wrong["exit_code"]) == ("runtime", 10)
    pilot.log.write_text("")
    cluster = pilot.submit("executable=/bin/true")
    assert pilot.begin(RUNTIME=path).ended()["reason"] == "idle"
    assert pilot.job(cluster, "JobStatus") == "4"
    assert pilot.left() == []


FETCHES = """
source "$1"; set -euo pipefail; begin; mkdir "$2/checks"
WORK=$2 PATH=$3 DEADLINE=$((STARTED + 2)); exec {NAP}<> <(:) {OUT}>&1
trap 'echo "$REASON: $MESSAGE"' EXIT
fetch "http://$4/" "$WORK/got"; echo "$FETCHED bytes"
"""


def fetched_by_wget(folder: Path, server: str) -> process.Result:
    """What fetch says where there is no curl, in a pilot with two seconds to live."""
    (folder / "bin").mkdir()
    for name in ("wget", "timeout", "stat", "head"):
        (folder / "bin" / name).symlink_to(f"/usr/bin/{name}")
    argv: list[str | Path] = ["bash", "-c", FETCHES, "x", SCRIPT, folder, folder / "bin", server]
    return process.run(argv, timeout=20, check=False)


def test_without_curl_wget_fetches(tmp_path: Path) -> None:
    with ports.web() as web:
        said = fetched_by_wget(tmp_path, web)
    assert f"{(tmp_path / 'got').stat().st_size} bytes" in said.stdout


def test_wget_too_fetches_no_longer_than_the_pilot_lives(tmp_path: Path) -> None:
    began = time.monotonic()
    with ports.silent() as silent:
        said = fetched_by_wget(tmp_path, silent)
    assert "could not be fetched" in said.stdout
    assert (said.returncode, time.monotonic() - began < 5) == (10, True)


def test_a_double_ends_without_joining(make_pilot: MakePilot) -> None:
    first, second = make_pilot(), make_pilot()
    claims = first.place / "claims"
    same = {"REQUEST_ID": "gdouble", "CLAIM_DIR": claims}
    first.begin(**same).until("STATE joined")
    assert second.begin(**same).ended()["exit_code"] == 20
    assert "joined" not in second.text


def test_a_start_that_is_no_expression_is_refused(pilot: Pilot) -> None:
    said = pilot.begin(START="true true").ended(20)
    assert (said["reason"], said["exit_code"]) == ("usage", 2)
    assert "no ClassAd expression" in pilot.text


def test_odd_surroundings_change_nothing(pilot: Pilot) -> None:
    evil = pilot.place / "evil"
    evil.write_text("echo EVIL; exit 3\n")
    evil.chmod(0o644)
    pilot.env = {
        "LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Chatham", "BASH_ENV": str(evil), "PATH": "",
        "CDPATH": "/", "GREP_OPTIONS": "-v", "POSIXLY_CORRECT": "1",
        "BASH_FUNC_grep%%": "() { echo EVIL; }",
    }  # fmt: skip
    pilot.conf(START='TARGET.Cmd != "a b\'c`id`$(id)é\\"" && true')
    conf = pilot.place / "pilot.conf"
    pilot.env.pop("BASH_ENV")
    cluster = pilot.submit("executable=/bin/true")
    assert pilot.start("--conf", conf).ended()["reason"] == "idle"
    assert "EVIL" not in pilot.text
    assert pilot.job(cluster, "JobStatus") == "4"


def test_a_name_server_that_never_answers_hangs_nothing(pilot: Pilot) -> None:
    mute = pilot.place / "resolv.conf"
    mute.write_text("nameserver 192.0.2.99\noptions timeout:30 attempts:5\n")
    hosts = pilot.place / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    conf = pilot.conf(IDLE=2)
    script = (
        'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/hosts && shift 2 && '
        'exec setpriv --reuid "$1" --regid "$1" --clear-groups bash "$2" --conf "$3"'
    )
    shutil.copy(SCRIPT, pilot.place / "pilot.sh")
    argv: list[str | Path] = ["unshare", "--mount", "bash", "-c", script, "x", mute, hosts]
    argv += [str(pilot.uid), pilot.place / "pilot.sh", conf]
    pilot.pid = process.spawn(argv, log=pilot.log, env=pilot.env, cwd=pilot.place)
    said = pilot.ended(30)
    assert (said["reason"], said["exit_code"]) == ("idle", 0)
    assert float(said["phases"]["join"]) < 10


def test_a_container_runtime_is_really_run_before_it_is_offered(pilot: Pilot) -> None:
    """With a stand-in that runs what it is asked to; a real one runs in tests/containers."""
    stand_in = pilot.place / "apptainer"
    stand_in.write_text('#!/bin/sh\nwhile [ "$1" != /bin/echo ]; do shift; done\nexec "$@"\n')
    stand_in.chmod(0o755)
    pilot.begin(CONTAINERS=stand_in, IDLE=20).until("STATE joined")
    assert "PASS containers: apptainer ran a program" in pilot.text
    offered = pilot.pool.tool("condor_status", "-af", "GlideinContainers").stdout.split()
    assert "apptainer" in offered


def test_a_systems_knobs_reach_the_daemons_and_overrule_nothing(pilot: Pilot) -> None:
    knobs = "GL_SITES_OWN = a $(GL_OTHER) b\nGL_OTHER = c\nNUM_SLOTS = 7"
    pilot.begin(KNOBS=knobs, IDLE=20).until("STATE joined")
    (config,) = pilot.work.glob("*/condor_config")
    env = {**pilot.env, "CONDOR_CONFIG": str(config)}
    argv: list[str | Path] = [pilot.condor.program("condor_config_val"), "GL_SITES_OWN"]
    argv.append("NUM_SLOTS")
    assert process.run(argv, timeout=9, env=env).stdout.splitlines() == ["a c b", "1"]


def test_drained_through_the_pool_it_leaves_when_its_job_is_done(pilot: Pilot) -> None:
    cluster = pilot.submit("executable=/bin/sleep\narguments=6\nrequest_cpus=2")
    pilot.begin(IDLE=60).until("STATE busy")
    pilot.pool.tool("condor_drain", f"slot1@gtest-{pilot.place.name.replace('_', '-')}.0.0@{HOST}")
    said = pilot.ended()
    assert (said["reason"], said["message"]) == ("told", "the pool drained it")
    assert said["busy_core_s"] >= 10
    assert pilot.job(cluster, "NumJobStarts") == "1"
    assert pilot.job(cluster, "JobStatus") == "4"

"""What a newcomer does by hand, on a pool of their own: every command, in the order of README."""

import json
import os
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from glidein import process, report
from glidein.throwaway import ThrowawayPool
from tests.beds import tokens
from tests.newcomer.conftest import NAME, Newcomer

pytestmark = [pytest.mark.real, pytest.mark.root]

JOB = """\
executable = /bin/sleep
arguments = {seconds}
transfer_executable = False
should_transfer_files = YES
request_cpus = 1
request_memory = {memory}
request_disk = 1024
queue
"""


def until(true: Callable[[], object], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.2)


def test_make_demo_twice_sets_itself_up_and_leaves_nothing(newcomer: Newcomer) -> None:
    first = newcomer.make("demo")
    assert "fetching HTCondor" in first.stdout
    second = newcomer.make("demo", timeout=200)
    assert "fetching HTCondor" not in second.stdout
    for said in (first.stdout, second.stdout):
        assert "result count_0.txt: 42 page_0.html" in said
        assert "nothing else is left behind" in said
    ElementTree.parse(newcomer.clone / "glidein-demo.svg")
    assert newcomer.processes() == []
    mine = [path for path in Path("/tmp").iterdir() if path.lstat().st_uid == newcomer.uid]
    assert [path for path in mine if path.name.startswith("glidein")] == []


def submit(pool: ThrowawayPool, seconds: int = 1, memory: int = 32) -> str:
    text = JOB.format(seconds=seconds, memory=memory)
    said = pool.tool("condor_submit", "-terse", "-", stdin=text)
    return said.stdout.split(".")[0].strip()


def status_of(them: Newcomer, pool: ThrowawayPool, token: Path, request: str) -> dict[str, object]:
    said = them.glidein("status", "--all", "--json", "--pool", str(pool.address),
                        "--token-file", token)  # fmt: skip
    found = {each["id"]: each for each in json.loads(said.stdout)["requests"]}
    return dict(found[request])


def test_run_detached_status_logs_explain_and_stop(
    equipped: Newcomer, own_pool: ThrowawayPool, token: Path
) -> None:
    said = equipped.glidein(
        "run", "--detach", "--json", "--pool", str(own_pool.address), "--owners", NAME,
        "--cpus", "1", "--memory", "512MB", "--lifetime", "1h", "--idle-time", "10m",
        "--token-file", token,
    )  # fmt: skip
    request = json.loads(said.stdout)["request"]
    running = submit(own_pool, seconds=600)
    until(lambda: status_of(equipped, own_pool, token, request)["pilots"][0]["state"] == "busy")  # type: ignore[index]
    seen = status_of(equipped, own_pool, token, request)
    assert seen["asked"] == 1
    assert "joined" in equipped.glidein("logs", request).stdout
    assert request in equipped.glidein("list").stdout
    too_big = submit(own_pool, memory=100_000)
    told = equipped.glidein("explain", too_big, "--pool", str(own_pool.address),
                            "--token-file", token, check=False)  # fmt: skip
    assert "RequestMemory" in told.stdout
    assert "Traceback" not in told.stderr
    own_pool.tool("condor_rm", running, too_big)
    equipped.glidein("stop", request, timeout=120)
    assert equipped.processes() == [] or all(
        "condor" in Path(f"/proc/{pid}/cmdline").read_text() for pid in equipped.processes()
    )
    (told_report,) = report.reports(equipped.glidein("logs", request).stdout)
    assert told_report["reason"] == "told"
    assert status_of(equipped, own_pool, token, request)["state"] == "ended"
    assert not list((equipped.home / ".local/state/glidein").rglob("token*"))


def test_the_seeds_line_by_hand_with_nothing_but_the_one_file(
    equipped: Newcomer, own_pool: ThrowawayPool, token: Path
) -> None:
    script = equipped.home / "pilot.sh"
    script.write_text((equipped.clone / "glidein/payload/pilot.sh").read_text())
    os.chown(script, equipped.uid, -1)
    cluster = submit(own_pool)
    argv = ["bash", str(script), "-c", str(own_pool.address), "-t", token.read_text().strip(),
            "-s", f'RemoteOwner == "{NAME}"', "-i", "8"]  # fmt: skip
    said = process.run(argv, timeout=90, env=equipped.env, cwd=equipped.home, user=equipped.uid)
    (told,) = report.reports(said.stdout)
    assert (told["reason"], told["jobs_run"]) == ("idle", 1)
    assert "RemoteOwner" in said.stdout
    assert "-t shows the token" in said.stdout
    assert cluster not in own_pool.tool("condor_q", "-all", "-af", "ClusterId").stdout.split()


def test_check_says_what_is_wrong_with_a_broken_token(
    equipped: Newcomer, own_pool: ThrowawayPool, token: Path
) -> None:
    good = equipped.glidein("check", "--pool", str(own_pool.address), "--token-file", token)
    assert "FAIL" not in good.stdout
    assert "PASS ADVERTISE_STARTD" in good.stdout
    text = token.read_text().strip()
    token.write_text(text[:-12] + "A" * 12 + "\n")
    bad = equipped.glidein(
        "check", "--pool", str(own_pool.address), "--token-file", token, check=False
    )
    assert bad.returncode == 1
    assert "FAIL token: the pool does not accept it" in bad.stdout
    token.write_text("nonsense\n")
    worse = equipped.glidein(
        "check", "--pool", str(own_pool.address), "--token-file", token, check=False
    )
    assert worse.returncode == 1
    assert "it is no IDTOKEN" in worse.stdout


def test_token_create_makes_a_private_file_of_least_scope(
    equipped: Newcomer, own_pool: ThrowawayPool
) -> None:
    out = equipped.home / "made" / "pilot.token"
    config = own_pool.env["CONDOR_CONFIG"]
    argv = [str(equipped.clone / ".venv/bin/glidein"), "token", "create", "--pool",
            str(own_pool.address), "--lifetime", "2h", "-o", str(out)]  # fmt: skip
    env = {**equipped.env, "CONDOR_CONFIG": config}
    said = process.run(argv, timeout=60, env=env, cwd=equipped.home, user=equipped.uid)
    assert said.stdout == ""
    assert out.stat().st_mode & 0o777 == 0o600
    shown = json.loads(equipped.glidein("token", "show", out, "--json").stdout)
    assert shown["subject"].startswith(f"{NAME}@")
    assert sorted(shown["scope"]) == ["ADVERTISE_MASTER", "ADVERTISE_STARTD", "READ"]
    text = out.read_text().strip()
    assert text not in equipped.glidein("token", "show", out).stdout


def test_bad_input_is_one_message_exit_2_and_nothing_started(
    equipped: Newcomer, own_pool: ThrowawayPool, token: Path
) -> None:
    said = equipped.glidein("run", "--detach", "--pool", "no such pool", "--cpus", "-3",
                            "--memory", "lots", "--token-file", token, check=False)  # fmt: skip
    assert said.returncode == 2
    for field in ("--pool", "--cpus", "--memory"):
        assert field in said.stderr
    assert "Traceback" not in said.stderr


def test_run_ends_as_its_pilot_and_list_and_logs_tell_it(
    equipped: Newcomer, own_pool: ThrowawayPool, token: Path
) -> None:
    foreign = tokens.resigned(token.read_text().strip(), b"of another pool")
    token.write_text(foreign + "\n")
    said = equipped.glidein("run", "--pool", str(own_pool.address), "--cpus", "1", "--memory",
                            "600MB", "--owners", "o'brien", "--token-file", token, "--json",
                            check=False)  # fmt: skip
    assert said.returncode == 16, said.stderr
    request = json.loads(said.stdout)["request"]
    listed = {each["id"]: each for each in json.loads(equipped.glidein("list", "--json").stdout)}
    assert listed[request]["state"] == "ended"
    assert listed[request]["request"]["spec"]["owners"] == ["o'brien"]
    assert listed[request]["pilots"][0]["report"]["exit_code"] == 16
    assert "CHECK FAIL token" in equipped.glidein("logs", request[:25]).stdout
    assert not list(equipped.home.rglob("requests/*/host/**/token"))

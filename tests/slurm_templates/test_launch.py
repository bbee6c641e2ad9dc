"""The batch script without Slurm: rendered, run by bash, with a stand-in for the payload.

What needs steps on several nodes is tried on the Slurm bed.
"""

import dataclasses
import hashlib
import http.server
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glidein import quoting
from glidein.errors import RenderError
from slurm_templates.batch import Script, render

STANDIN = Path(__file__).with_name("standin.sh").read_text()


def script(home: Path, **changes: object) -> Script:
    plain = Script(
        remarks=("A test",),
        directives=("--nodes=1", "--time=01:00:00"),
        token=str(home / "token"),
        runtime="",
        runtime_sha256="",
        work_dirs=(),
        seconds=3600,
        lead=105,
        margin=60,
        gpus="",
        setup=(),
        conf="FORMAT='1'\nOWNERS='alice'\n",
        payload=STANDIN,
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "ho me"
    (home / "confs").mkdir(parents=True)
    (home / "token").write_text("a.b.c\n")
    return home


def environment(home: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"], "HOME": str(home), "GL_TEST_CONFS": str(home / "confs"),
        "SLURM_JOB_ID": "77", "SLURMD_NODENAME": "c1", **more,
    }  # fmt: skip


def run(home: Path, text: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    path = home / "script.sh"
    path.write_text(text)
    argv = ["/bin/bash", str(path), *words]
    env = environment(home, **more)
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)


def place(home: Path, request: str) -> Path:
    return home / ".local/state/glidein/batch" / request


def test_a_pilot_runs_and_the_last_line_tells_of_it(home: Path) -> None:
    done = run(home, render(script(home)), "g1-abc")
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'pilot 0 on c1: joined, ran 3 jobs, idle: by \\"itself\\"' in done.stdout
    last = done.stdout.rstrip().split("\n")[-1]
    assert last.endswith("1 of 1 pilots joined, 3 jobs run; exit code 0")
    assert done.stderr == ""
    kept = sorted(each.name for each in (place(home, "g1-abc") / "run.77.0.0").iterdir())
    assert kept == ["pilot.0.log"]


def test_it_is_told_its_name_its_end_and_its_places(home: Path) -> None:
    (home / "x y").mkdir()
    run(home, render(script(home, work_dirs=("${NOT_SET}/x", "${LOCAL}/x y", "/tmp"))), "g1-abc",
        SLURM_JOB_END_TIME="2000000000", LOCAL=str(home), SLURM_RESTART_COUNT="2",
        SLURM_ARRAY_TASK_ID="5", SLURM_ARRAY_JOB_ID="70", SLURM_ARRAY_TASK_COUNT="9")  # fmt: skip
    conf = (home / "confs/5.conf").read_text().splitlines()
    for line in ("REQUEST_ID='g1-abc'", "PILOT_INDEX='5'", "PILOT_RESTART='2'",
                 "DEADLINE='1999999940'", f"WORK_DIR='{home}/x y'", "OWNERS='alice'",
                 f"TOKEN_FILE='{home}/token'"):  # fmt: skip
        assert line in conf


def test_a_script_given_to_sbatch_by_hand_is_a_request_each_time(home: Path) -> None:
    text = render(script(home))
    first = run(home, text, SLURM_CLUSTER_NAME="Big Red")
    second = run(home, text, SLURM_CLUSTER_NAME="Big Red", SLURM_JOB_ID="78")
    assert first.returncode == second.returncode == 0
    assert place(home, "gs-bigred-77").is_dir()
    assert place(home, "gs-bigred-78").is_dir()


def test_a_double_does_nothing(home: Path) -> None:
    text = render(script(home))
    assert run(home, text, "g1-abc").returncode == 0
    again = run(home, text, "g1-abc", SLURM_JOB_ID="78")
    assert again.returncode == 20
    assert "batch job 77" in again.stdout
    assert not (place(home, "g1-abc") / "run.78.0.0").exists()


def test_a_requeued_batch_job_goes_on_under_its_claim(home: Path) -> None:
    text = render(script(home))
    assert run(home, text, "g1-abc").returncode == 0
    assert run(home, text, "g1-abc", SLURM_RESTART_COUNT="1").returncode == 0
    assert (place(home, "g1-abc") / "run.77.0.1").is_dir()


def test_a_cancelled_request_starts_nothing(home: Path) -> None:
    place(home, "g1-abc").mkdir(parents=True)
    (place(home, "g1-abc") / "cancelled").touch()
    done = run(home, render(script(home)), "g1-abc")
    assert "cancelled" in done.stdout
    assert list((home / "confs").iterdir()) == []


def test_the_pilots_failure_is_the_batch_jobs(home: Path) -> None:
    refused = run(home, render(script(home, conf="OWNERS='refused'\n")), "g1-abc")
    assert refused.returncode == 16
    assert "did not join, ran 3 jobs, token-refused" in refused.stdout
    killed = run(home, render(script(home, conf="OWNERS='dies'\n")), "g2-abc")
    assert killed.returncode == 137
    assert "did not join, ended without a report, status 137" in killed.stdout


def test_without_a_token_nothing_starts(home: Path) -> None:
    (home / "token").unlink()
    done = run(home, render(script(home)), "g1-abc")
    assert done.returncode == 14
    assert f"the token {home}/token cannot be read" in done.stdout


def test_the_requests_own_token_is_taken_and_removed(home: Path) -> None:
    place(home, "g1-abc").mkdir(parents=True)
    own = place(home, "g1-abc") / "token"
    own.write_text("d.e.f\n")
    assert run(home, render(script(home, token="")), "g1-abc").returncode == 0
    assert f"TOKEN_FILE='{own}'" in (home / "confs/0.conf").read_text()
    assert not own.exists()


def test_of_an_array_the_last_task_removes_the_token(home: Path) -> None:
    place(home, "g1-abc").mkdir(parents=True)
    own = place(home, "g1-abc") / "token"
    own.write_text("d.e.f\n")
    text = render(script(home, token=""))
    for task in ("0", "1"):
        assert own.exists()
        done = run(home, text, "g1-abc", SLURM_ARRAY_TASK_ID=task, SLURM_ARRAY_JOB_ID="70",
                   SLURM_JOB_ID=f"7{task}", SLURM_ARRAY_TASK_COUNT="2")  # fmt: skip
        assert done.returncode == 0, done.stdout
    assert not own.exists()


def started(home: Path, **more: str) -> subprocess.Popen[str]:
    """A batch job whose pilot has joined and stays."""
    path = home / "script.sh"
    path.write_text(render(script(home, conf="OWNERS='stays'\n")))
    child = subprocess.Popen(["/bin/bash", str(path), "g1-abc"], env=environment(home, **more),
                             stdout=subprocess.PIPE, text=True)  # fmt: skip
    until = time.monotonic() + 20
    while not (home / "confs/joined").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    return child


def test_a_warning_that_comes_in_its_time_is_no_news(home: Path) -> None:
    child = started(home, SLURM_JOB_END_TIME=str(int(time.time()) + 150))
    child.send_signal(signal.SIGUSR1)
    time.sleep(3)
    child.send_signal(signal.SIGTERM)
    said, _ = child.communicate(timeout=30)
    near = said.index("the time limit is near: the pilots leave by themselves")
    assert near < said.index("told to leave: 1 pilots are told")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_warning_reaches_the_pilot(home: Path, number: int) -> None:
    child = started(home)
    child.send_signal(number)
    said, _ = child.communicate(timeout=30)
    assert child.returncode == 0
    assert "told to leave: 1 pilots are told" in said
    assert "joined, ran 3 jobs, told" in said


def test_a_runtime_that_cannot_be_fetched_ends_it(home: Path) -> None:
    done = run(home, render(script(home, runtime="http://127.0.0.1:9/condor.tar.gz")), "g1-abc")
    assert done.returncode == 10
    assert "could not be fetched" in done.stdout


@contextmanager
def served(content: bytes, name: str = "rt.tar.gz") -> Iterator[tuple[str, list[str]]]:
    """A web server on loopback; what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{name}?x=1", asked
        server.shutdown()


def test_a_runtime_is_fetched_checked_and_removed(home: Path) -> None:
    with served(b"not one") as (url, asked):
        wrong = run(home, render(script(home, runtime=url, runtime_sha256="0" * 64)), "g1-abc")
        right = hashlib.sha256(b"not one").hexdigest()
        done = run(home, render(script(home, runtime=url, runtime_sha256=right)), "g2-abc")
    assert wrong.returncode == 10
    assert "SHA-256" in wrong.stdout
    assert done.returncode == 0
    assert len(asked) == 2
    conf = (home / "confs/0.conf").read_text()
    assert f"RUNTIME='{place(home, 'g2-abc')}/run.77.0.0/runtime.rt.tar.gz'" in conf
    assert not (place(home, "g2-abc") / "run.77.0.0/runtime.rt.tar.gz").exists()


def test_a_runtime_by_the_name_of_our_own_file_does_not_replace_it(home: Path) -> None:
    with served(b"exit 3\n", "pilot.sh") as (url, _):
        done = run(home, render(script(home, runtime=url)), "g1-abc")
    assert done.returncode == 0, done.stdout
    assert "ran 3 jobs" in done.stdout


WILD = st.text(st.characters(exclude_characters="\0\r\n", codec="utf-8"), max_size=40)


@given(st.lists(WILD, min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_no_path_does_anything_but_be_a_path(values: list[str]) -> None:
    token, runtime, work_dir = (value.replace("$", "") for value in values)
    text = render(script(Path("/nowhere"), token=token, runtime=runtime, work_dirs=(work_dir,)))
    shown = text.replace('gl_main "$@"', "printf '%s\\0' "
                         '"$gl_token" "$gl_runtime" "${gl_work_dirs[@]}"')  # fmt: skip
    said = subprocess.run(["/bin/bash", "-c", shown], capture_output=True, check=True).stdout
    assert said.decode().split("\0")[:-1] == [token, runtime, work_dir]


@given(st.text(max_size=30))
def test_a_directive_is_plain_or_refused(value: str) -> None:
    try:
        kept = quoting.sbatch(value)
    except RenderError:
        return
    assert kept == value
    assert not set(kept) & set(" \t\n\"'`$\\#;<>")


@given(st.text(st.characters(exclude_characters="\0"), max_size=30))
@settings(max_examples=60, deadline=None)
def test_a_here_document_holds_its_text(value: str) -> None:
    try:
        text = quoting.here(value.encode(errors="replace").decode())
    except RenderError:
        return
    program = f"cat <<'{quoting.HERE_END}'\n{text}{quoting.HERE_END}\n".encode()
    said = subprocess.run(["/bin/bash"], input=program, capture_output=True, check=True).stdout
    assert said.decode() == text


def test_what_would_end_the_here_document_is_refused() -> None:
    with pytest.raises(RenderError):
        quoting.here(f"a\n{quoting.HERE_END}\nb")


def test_a_set_up_command_is_one_line() -> None:
    with pytest.raises(RenderError):
        quoting.command_line("module reset\nrm -rf /")

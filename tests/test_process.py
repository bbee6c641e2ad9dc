import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from glidein import process
from glidein.process import CommandError


def test_what_a_program_said_comes_back_as_it_ended() -> None:
    result = process.run(["bash", "-c", "echo out; echo err >&2; exit 3"], timeout=10, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert not result.ok


def test_a_failure_says_command_code_and_last_words() -> None:
    with pytest.raises(CommandError, match=r"bash -c .*: exit code 3\nlast words"):
        process.run(["bash", "-c", "echo last words >&2; exit 3"], timeout=10)


def test_standard_input_and_an_environment_of_its_own() -> None:
    result = process.run(["bash", "-c", 'cat; echo "$A${HOME-none}"'], timeout=10, stdin="in ",
                         env={"A": "a", "PATH": os.environ["PATH"]})  # fmt: skip
    assert result.stdout == "in anone\n"


def test_bytes_on_standard_input_arrive_as_they_are() -> None:
    result = process.run(["od", "-An", "-tx1"], timeout=10, stdin=b"\xff\r\n\0")
    assert result.stdout.split() == ["ff", "0d", "0a", "00"]


def test_a_tunnel_is_a_program_behind_a_socket_and_ends_when_closed() -> None:
    tunnel = process.Tunnel(["bash", "-c", "echo aside >&2; echo $$; exec cat"])
    with tunnel.socket.makefile("rwb", buffering=0) as line:
        pid = int(line.readline())
        line.write(b"there and back\n")
        assert line.readline() == b"there and back\n"
        assert tunnel.heard() == "aside\n"
    tunnel.close()
    assert not process.alive(pid)
    with pytest.raises(CommandError, match="cannot start"):
        process.Tunnel(["/nowhere/program"])


def test_an_attached_program_has_our_own_ends(capfd: pytest.CaptureFixture[str]) -> None:
    assert process.attached(["bash", "-c", "echo out; exit 3"]) == 3
    assert capfd.readouterr().out == "out\n"
    with pytest.raises(CommandError, match="cannot start"):
        process.attached(["/nowhere/program"])


def test_undecodable_output_raises_nothing() -> None:
    assert process.run(["printf", r"a\xffb"], timeout=10).stdout == "a\ufffdb"


def test_a_program_that_is_missing() -> None:
    with pytest.raises(CommandError, match="cannot start"):
        process.run(["/nowhere/nothing"], timeout=1)


def test_past_its_time_all_it_started_is_gone(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    began = time.monotonic()
    with pytest.raises(CommandError, match=r"no end after 0\.5 s"):
        process.run(["bash", "-c", f"sleep 60 & echo $! >'{mark}'; wait"], timeout=0.5)
    assert time.monotonic() - began < 5
    while process.alive(int(mark.read_text())):  # its pipes are closed an instant before its end
        assert time.monotonic() - began < 5
        time.sleep(0.01)


def test_spawned_it_outlives_the_call_in_a_session_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pid = process.spawn(["bash", "-c", "echo hello; ps -o sid= -p $$"], log=log)
    os.waitpid(pid, 0)
    assert log.read_text().split() == ["hello", str(pid)]
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_spawn_that_cannot_be_leaves_no_process(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot start"):
        process.spawn(["/nowhere/nothing"], log=tmp_path / "log")


ECHO = 'while read -r line; do [[ $line == late ]] && sleep 60; echo "$line!"; done'


def test_a_conversation_answers_line_by_line_and_ends_when_closed() -> None:
    talk = process.Conversation(["bash", "-c", f"{ECHO}; trap '' HUP TERM; sleep 60"])
    assert [talk.ask(word, 5) for word in ("a", "b c")] == ["a!", "b c!"]
    pid = talk.pid
    began = time.monotonic()
    talk.close()
    talk.close()
    assert time.monotonic() - began < 5
    assert not process.alive(pid)
    with pytest.raises(CommandError, match="over"):
        talk.ask("a", 5)


def test_a_conversation_that_is_late_is_over_and_all_it_started_is_gone() -> None:
    talk = process.Conversation(["bash", "-c", ECHO])
    with pytest.raises(CommandError, match=r"no answer within 0\.3 s"):
        talk.ask("late", 0.3)
    assert not process.alive(talk.pid)


def test_the_last_words_of_a_conversation_that_died_are_told() -> None:
    talk = process.Conversation(["bash", "-c", "read -r _; echo gone wrong >&2; exit 4"])
    with pytest.raises(CommandError, match="ended\ngone wrong") as caught:
        talk.ask("x", 5)
    assert caught.value.result.returncode == 4
    with pytest.raises(CommandError, match="cannot start"):
        process.Conversation(["/nowhere/nothing"])


def test_what_a_conversation_says_aside_is_heard_once() -> None:
    talk = process.Conversation(["bash", "-c", "while read -r x; do echo aside >&2; echo $x; done"])
    for _ in range(3):
        talk.ask("x", 5)
        assert talk.heard() == "aside\n"
        assert talk.heard() == ""
    talk.close()


def test_a_long_answer_comes_whole() -> None:
    talk = process.Conversation(
        ["bash", "-c", "read -r n; head -c $n /dev/zero | tr '\\0' x; echo"]
    )
    assert len(talk.ask("3000000", 20)) == 3_000_000
    talk.close()


@contextmanager
def sleeping(tmp_path: Path, **env: str) -> Iterator[int]:
    """A process with that environment, ended by its number at the end."""
    pid = process.spawn(["/bin/sleep", "60"], log=tmp_path / "log", env=env)
    try:
        # The kernel shows the environment an instant after the program was started.
        until = time.monotonic() + 5
        while not Path(f"/proc/{pid}/environ").read_bytes() and time.monotonic() < until:
            time.sleep(0.001)
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def test_only_a_whole_mark_ties_a_process_to_a_folder(tmp_path: Path) -> None:
    ours = tmp_path / "demo"
    strangers = {
        "longer": {"HOME": f"{ours}-other"},
        "user": {"PWD": str(ours), "OLDPWD": f"{ours}/log", "PATH": f"{ours}/bin:/bin"},
        "within": {"HOME": "/root", "NOTE": f"a\nHOME={ours}"},
        "in a list": {"GLIDEIN_NOTE": f"/tmp:{ours}"},
    }
    with (
        sleeping(tmp_path, HOME=str(ours)) as home,
        sleeping(tmp_path, GLIDEIN_ANY=f"{ours}/x y") as mark,
    ):
        assert sorted(process.all_of(ours)) == sorted((home, mark))
        for name, env in strangers.items():
            with sleeping(tmp_path, **env) as other:
                assert process.kill_all_of(ours) == [], name
                assert process.alive(other), name


@pytest.mark.root
def test_what_may_not_be_killed_is_told_after_the_time(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    program = (
        "import sys, time; from pathlib import Path; from glidein import process\n"
        "began = time.monotonic(); left = process.kill_all_of(Path(sys.argv[1]), 0.5)\n"
        "print(*left); assert time.monotonic() - began < 5"
    )
    # A user who may look at every process and kill none of another's.
    caps = "+sys_ptrace,+dac_override"
    lead = ["setpriv", "--reuid", "65534", "--inh-caps", caps, "--ambient-caps", caps]
    with sleeping(tmp_path, HOME=str(tmp_path / "x")) as pid:
        said = process.run([*lead, sys.executable, "-c", program, tmp_path / "x"], timeout=30)
        assert said.stdout.split() == [str(pid)]
        assert process.alive(pid)

"""The command line as a whole: every command loads, helps and shows an example."""

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from glidein import process
from glidein.cli import commands
from tests.beds import pools, tokens

ROOT = Path(__file__).parents[2]


def glidein(*words: str, **env: str) -> process.Result:
    argv = [sys.executable, "-m", "glidein", *words]
    full = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "COLUMNS": "200", **env}
    return process.run(argv, timeout=60, env=full, check=False)


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder that every user can enter."""
    with pools.open_folder("glt-") as folder:
        yield folder


def as_nobody(place: Path, *words: str) -> process.Result:
    """A command of a user who is not root; its state lies in place/state."""
    argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(place), "XDG_STATE_HOME": str(place / "state")}
    return process.run([*argv, sys.executable, "-m", "glidein", *words], timeout=60, env=env,
                       cwd=ROOT, check=False)  # fmt: skip


def _loaded(name: str) -> Any:
    module, _, attribute = commands.table()[name].target.partition(":")
    app = getattr(import_module(module), attribute)
    assert isinstance(app, typer.Typer)
    return get_command(app)


def _leaves(command: Any) -> list[Any]:
    below = getattr(command, "commands", None)
    return [leaf for each in below.values() for leaf in _leaves(each)] if below else [command]


@pytest.mark.parametrize("name", list(commands.table()))
def test_every_command_of_the_table_is_there_with_help_and_example(name: str) -> None:
    for leaf in _leaves(_loaded(name)):
        assert leaf.help, leaf.name
        assert (leaf.epilog or "").startswith("Example: glidein "), leaf.name
        for option in leaf.params:
            assert getattr(option, "help", None), f"{leaf.name} {option.name}"


def test_help_lists_all_and_imports_none() -> None:
    said = glidein("--help")
    assert said.ok
    assert all(name in said.stdout for name in commands.table())
    probe = "import sys, glidein.cli.commands as t; t.table(); print(sorted(sys.modules))"
    loaded = process.run([sys.executable, "-c", probe], timeout=30).stdout
    assert "glidein.host" not in loaded
    assert "glidein.cli.run" not in loaded


def test_completion_is_installed_at_the_root_alone() -> None:
    assert "--install-completion" in glidein("--help").stdout
    for words in (["slurm"], ["systems"], ["check"], ["systems", "check"]):
        said = glidein(*words, "--help").stdout
        assert "--help" in said
        assert "completion" not in said


def test_a_command_without_values_loads_neither_pydantic_nor_jinja_nor_htcondor() -> None:
    probe = (
        "import sys; from glidein.cli import app; sys.argv[1:] = ['slurm', 'list', '--json']\n"
        "try: app()\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    said = process.run([sys.executable, "-c", probe], timeout=30, check=False).stderr.split()
    assert "annex.provider" in said
    assert not {"pydantic", "jinja2", "htcondor2", "glidein.runtime"} & set(said)


def test_an_unknown_command_is_a_usage_error() -> None:
    assert glidein("fly").returncode == 2


def test_run_says_all_problems_at_once_and_starts_nothing(tmp_path: Path) -> None:
    said = glidein("run", "--pool", "@", "--cpus", "x", "--memory", "1q", "--lifetime", "1",
                   "--work-dir", "/no", XDG_STATE_HOME=str(tmp_path))  # fmt: skip
    assert said.returncode == 2
    for option in ("--pool", "--cpus", "--memory", "--lifetime", "--work-dir", "--token-file"):
        assert option in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_run_names_the_option_that_asks_too_much_with_what_there_is(tmp_path: Path) -> None:
    for words, told in (
        (("--cpus", "9999", "--memory", "1GB"), ["--cpus"]),
        (("--cpus", "1", "--memory", "999TB"), ["--memory"]),
        (("--cpus", "9999", "--memory", "999TB"), ["--cpus", "--memory"]),
    ):
        said = glidein("run", "--detach", "--pool", "cm", "--token-file", _token(tmp_path), *words)
        assert said.returncode == 2
        for option in ("--cpus", "--memory"):
            line = f"{option}: "
            assert (line in said.stderr) == (option in told), said.stderr
            assert (f". Give {option} " in said.stderr) == (option in told)


def test_run_detached_refuses_what_is_known_to_be_bad_and_writes_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    expired = _token(tmp_path, tokens.unsigned(exp=-60))
    said = glidein("run", "--detach", "--pool", "cm", "--token-file", expired, "--cpus", "0",
                   "--memory", "10", "--owners", "alice bob", "--name", "a\tb", "--gpus", "4000",
                   "--runtime", str(tmp_path), "--lifetime", "2h", "--grace", "3h",
                   XDG_STATE_HOME=str(state))  # fmt: skip
    assert said.returncode == 2
    for option in ("--token-file", "--cpus", "--memory", "--owners", "--name", "--gpus",
                   "--runtime", "--grace"):  # fmt: skip
        assert said.stderr.count(f"{option}: ") == 1, option
    assert not state.exists()


def test_run_refuses_paths_that_no_pilot_could_be_told(tmp_path: Path) -> None:
    token = _token(tmp_path)
    for byte in (b"\r", b"\xff"):
        odd = tmp_path / os.fsdecode(b"odd" + byte)
        (odd / "sbin").mkdir(parents=True)
        (odd / "sbin" / "condor_master").touch(mode=0o755)
        said = glidein("run", "--detach", "--pool", "cm", "--token-file", token, "--cpus", "1",
                       "--work-dir", str(odd), "--runtime", str(odd),
                       XDG_STATE_HOME=str(odd / "state"))  # fmt: skip
        assert said.returncode == 2
        for field in ("--work-dir", "--runtime", "XDG_STATE_HOME"):
            assert f"{field}: pilot.conf " in said.stderr
        assert not (odd / "state").exists()


def test_run_without_cores_asks_only_a_terminal(tmp_path: Path) -> None:
    said = glidein(
        "run", "--pool", "cm", "--token-file", _token(tmp_path), XDG_STATE_HOME=str(tmp_path)
    )
    assert said.returncode == 2
    assert "--yes" in said.stderr
    assert not (tmp_path / "glidein").exists()


@pytest.mark.root
def test_run_as_root_is_refused_before_anything_starts(tmp_path: Path) -> None:
    said = glidein("run", "--pool", "127.0.0.1:9", "--cpus", "1", "--token-file", _token(tmp_path),
                   XDG_STATE_HOME=str(tmp_path))  # fmt: skip
    assert said.returncode == 2
    assert "ordinary user" in said.stderr
    assert not (tmp_path / "glidein").exists()


def test_list_is_not_hindered_by_a_damaged_folder(tmp_path: Path) -> None:
    requests = tmp_path / "glidein" / "requests"
    (requests / "gdamaged" / "host").mkdir(parents=True)
    (requests / "gdamaged" / "events.jsonl").write_bytes(b"\0")
    (requests / "gdamaged" / "host" / "request.json").write_bytes(b"{")
    said = glidein("list", XDG_STATE_HOME=str(tmp_path))
    assert said.ok
    assert "No request yet" in said.stdout
    assert "gdamaged" in said.stderr


COMMANDS = (["list"], ["stop", "--all"], ["status"], ["logs", "gone-two"])


@pytest.mark.parametrize("words", COMMANDS)
def test_a_home_that_is_no_folder_is_a_message_with_the_remedy(words: list[str]) -> None:
    said = glidein(*words, HOME="/etc/passwd")
    assert said.returncode == 32
    assert said.stderr == (
        "glidein: the ledger at /etc/passwd/.local/state/glidein/requests cannot be read: "
        "Not a directory; set HOME or XDG_STATE_HOME to a folder of yours\n"
    )


@pytest.mark.root
@pytest.mark.parametrize("words", COMMANDS)
def test_whoever_has_neither_name_nor_home_is_told(words: list[str]) -> None:
    argv = ["setpriv", "--reuid", "54321", "--clear-groups"]
    said = process.run([*argv, sys.executable, "-m", "glidein", *words], timeout=60, check=False,
                       env={"PATH": "/usr/bin:/bin"}, cwd=ROOT)  # fmt: skip
    assert said.returncode == 2
    assert said.stderr.startswith("glidein: HOME: is not set. Set HOME or XDG_")


@pytest.mark.root
def test_a_state_folder_that_cannot_be_used_is_a_message_with_the_remedy(nobodys: Path) -> None:
    state = nobodys / "state"
    token = Path(_token(nobodys))
    state.mkdir()
    os.chown(token, 65534, -1)
    run = ["run", "--detach", "--pool", "cm", "--cpus", "1", "--memory", "512MB",
           "--token-file", str(token)]  # fmt: skip
    (state / "glidein" / "requests").mkdir(parents=True)
    (state / "glidein").chmod(0)
    os.chown(state / "glidein", 65534, -1)
    for words in (*COMMANDS, run):
        said = as_nobody(nobodys, *words)
        assert said.returncode == 32, words
        assert "Permission denied; look with: ls -ld" in said.stderr
    (state / "glidein").chmod(0o500)
    said = as_nobody(nobodys, *run)
    assert (said.returncode, "; look with: ls -ld" in said.stderr) == (32, True)


@pytest.mark.root
def test_a_full_state_folder_is_a_message_with_the_remedy(nobodys: Path) -> None:
    state = nobodys / "state"
    token = Path(_token(nobodys))
    state.mkdir()
    os.chown(token, 65534, -1)
    process.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", state], timeout=10)
    try:
        os.chown(state, 65534, -1)
        (state / "filler").write_bytes(b"x" * 16384)
        assert as_nobody(nobodys, "list").ok
        said = as_nobody(nobodys, "run", "--detach", "--pool", "cm", "--cpus", "1", "--memory",
                         "512MB", "--token-file", str(token))  # fmt: skip
        assert said.returncode == 32
        assert "No space left on device; make room there, or set XDG_STATE_HOME" in said.stderr
        assert list((state / "glidein" / "requests").iterdir()) == []
    finally:
        process.run(["umount", state], timeout=10)


def test_a_command_started_without_descriptors_does_its_work(tmp_path: Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "XDG_STATE_HOME": str(tmp_path)}
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        script = f'"$@" list {closed}; code=$?; "$@" run --pool cm {closed}; echo $code $?'
        argv = ["bash", "-c", script, "bash", sys.executable, "-m", "glidein"]
        said = process.run(argv, timeout=60, env=env)
        assert said.stdout.splitlines()[-1] == "0 2"
        assert "Traceback" not in said.stderr


def a_start(place: Path) -> Path:
    """Make a state folder of nobody's, and return a runtime that does not run."""
    (place / "state").mkdir()
    os.chown(place / "state", 65534, -1)
    master = place / "rt" / "sbin" / "condor_master"
    master.parent.mkdir(parents=True)
    master.write_text("#!/bin/sh\nexec sleep 3\n")
    master.chmod(0o755)
    return place / "rt"


@pytest.mark.root
def test_run_mentions_a_token_that_ends_before_its_pilot(nobodys: Path) -> None:
    runtime = a_start(nobodys)
    for seconds, told in ((600, True), (7200, False)):
        token = _token(nobodys, tokens.unsigned(exp=seconds))
        os.chown(token, 65534, -1)
        said = as_nobody(nobodys, "run", "--pool", "127.0.0.1:9", "--cpus", "1", "--memory",
                         "600MB", "--runtime", str(runtime), "--token-file", token,
                         "--lifetime", "1h")  # fmt: skip
        assert said.returncode == 12  # nobody listens there
        assert ("note: the token ends at 20" in said.stderr) == told


@pytest.mark.root
def test_run_says_that_the_pilot_goes_on_where_its_lines_cannot_be_shown(nobodys: Path) -> None:
    token, runtime = Path(_token(nobodys)), a_start(nobodys)
    os.chown(token, 65534, -1)
    argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", sys.executable,
            "-m", "glidein", "run", "--pool", "127.0.0.1:9", "--cpus", "1", "--memory", "600MB",
            "--runtime", str(runtime), "--token-file", str(token)]  # fmt: skip
    env = {"PATH": "/usr/bin:/bin", "HOME": str(nobodys), "XDG_STATE_HOME": str(nobodys / "state")}
    full = ["bash", "-c", 'exec "$@" >/dev/full', "bash"]
    said = process.run([*full, *argv], timeout=60, env=env, check=False)
    assert said.returncode == 1
    assert "(No space left on device), the pilot goes on; stop it: glidein stop g2" in said.stderr
    assert as_nobody(nobodys, "stop", "--all").ok
    assert " ended " in as_nobody(nobodys, "list").stdout


def test_stop_wants_ids_or_all_and_names_what_is_unknown(tmp_path: Path) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path)}
    assert glidein("stop", **env).returncode == 2
    assert glidein("stop", "--all", "gone-two", **env).returncode == 2
    unknown = glidein("stop", "gone-two", **env)
    assert unknown.returncode == 38
    assert "glidein list" in unknown.stderr
    assert glidein("stop", "--all", **env).stdout == "nothing runs\n"
    assert glidein("logs", "gone-two", **env).returncode == 38


def _token(folder: Path, text: str = "") -> str:
    path = folder / "token"
    path.touch(mode=0o600)
    path.write_text(text or tokens.unsigned())
    return str(path)

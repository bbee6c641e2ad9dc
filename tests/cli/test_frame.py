"""The command line as a whole: every command loads, helps and shows an example."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from glidein import process
from glidein.cli import commands


def glidein(*words: str, **env: str) -> process.Result:
    argv = [sys.executable, "-m", "glidein", *words]
    full = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "COLUMNS": "200", **env}
    return process.run(argv, timeout=60, env=full, check=False)


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


def test_an_unknown_command_is_a_usage_error() -> None:
    assert glidein("fly").returncode == 2


def test_run_says_all_problems_at_once_and_starts_nothing(tmp_path: Path) -> None:
    said = glidein("run", "--pool", "@", "--cpus", "x", "--memory", "1q", "--lifetime", "1",
                   "--work-dir", "/no", XDG_STATE_HOME=str(tmp_path))  # fmt: skip
    assert said.returncode == 2
    for option in ("--pool", "--cpus", "--memory", "--lifetime", "--work-dir", "--token-file"):
        assert option in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_run_without_cores_asks_only_a_terminal(tmp_path: Path) -> None:
    said = glidein(
        "run", "--pool", "cm", "--token-file", _token(tmp_path), XDG_STATE_HOME=str(tmp_path)
    )
    assert said.returncode == 2
    assert "--yes" in said.stderr
    assert not (tmp_path / "glidein").exists()


@pytest.mark.root
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


def test_stop_wants_ids_or_all_and_names_what_is_unknown(tmp_path: Path) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path)}
    assert glidein("stop", **env).returncode == 2
    assert glidein("stop", "--all", "gone-two", **env).returncode == 2
    unknown = glidein("stop", "gone-two", **env)
    assert unknown.returncode == 38
    assert "glidein list" in unknown.stderr
    assert glidein("stop", "--all", **env).stdout == "nothing runs\n"
    assert glidein("logs", "gone-two", **env).returncode == 38


def _token(folder: Path) -> str:
    path = folder / "token"
    path.touch(mode=0o600)
    path.write_text("no.such.token\n")
    return str(path)

"""`glidein runtime` as a user types it: tables, JSON, progress apart, exit codes for scripts."""

import json
import os
import shutil
import sysconfig
from pathlib import Path

import pytest

from glidein import process
from glidein.errors import NotFoundError, RuntimeUnavailable
from tests.runtime import trees

GLIDEIN = Path(sysconfig.get_path("scripts")) / "glidein"


def called(home: Path, *words: str | Path) -> process.Result:
    env = {"XDG_CACHE_HOME": str(home / "cache"), "PATH": "/usr/bin:/bin", "HOME": str(home)}
    return process.run([GLIDEIN, "runtime", *words], timeout=60, env=env, check=False)


def test_a_runtime_is_got_listed_shown_verified_and_removed(tmp_path: Path) -> None:
    installed = trees.lay(tmp_path / "opt")
    got = called(tmp_path, "get", "--prefix", installed, "--json")
    assert got.ok, got.stderr
    made = json.loads(got.stdout)
    assert made["version"] == "1.2.3"
    assert got.stderr == "HTCondor 1.2.3 from host\n"
    assert [each["id"] for each in json.loads(called(tmp_path, "list", "--json").stdout)] == [
        made["id"]
    ]
    assert json.loads(called(tmp_path, "show", "1.2", "--json").stdout) == made
    assert made["id"] in called(tmp_path, "list").stdout
    assert "as recorded" in called(tmp_path, "verify").stdout
    assert called(tmp_path, "remove", made["id"]).ok
    assert "No runtime yet" in called(tmp_path, "list").stdout


def test_a_runtime_that_runs_is_not_removed(tmp_path: Path) -> None:
    sleep = Path("/bin/sleep").resolve()
    found = trees.stored(tmp_path / "cache/glidein/runtimes")
    shutil.copy(sleep, found.root / "sbin/condor_master")
    installed = trees.lay(tmp_path / "opt")
    (installed / "sbin/condor_startd").unlink()
    (installed / "sbin/condor_startd").symlink_to(sleep)
    linked = json.loads(called(tmp_path, "get", "--prefix", installed, "--json").stdout)
    for root, name in ((found.root, "condor_master"), (Path(linked["root"]), "condor_startd")):
        pid = process.spawn([root / "sbin" / name, "60"], log=tmp_path / "log")
        try:
            said = called(tmp_path, "remove", root.name)
            assert said.returncode == 2
            assert f"in use by running pilots, processes {pid}. See them with" in said.stderr
            assert root.exists()
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        assert called(tmp_path, "remove", root.name).ok


def test_a_changed_file_is_named_and_ends_with_1(tmp_path: Path) -> None:
    installed = trees.lay(tmp_path / "opt")
    assert called(tmp_path, "get", "host", "--prefix", installed).ok
    (installed / "sbin/condor_startd").write_text("changed")
    said = called(tmp_path, "verify", "--json")
    assert said.returncode == 1
    assert json.loads(said.stdout)["problems"][0]["path"] == "sbin/condor_startd"
    assert "glidein runtime remove" in said.stderr


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("show",), NotFoundError.exit_code, "glidein runtime list"),
        (("remove", "nothing"), NotFoundError.exit_code, "no runtime 'nothing'"),
        (("get", "host", "--prefix", "/no/such"), RuntimeUnavailable.exit_code, "there is no"),
        (("get", "/no/such.tar.gz"), 2, "cannot be read"),
        (("get", "ftp://127.0.0.1/x.tar.gz"), 2, "http(s) URL"),
        (("get", "http://127.0.0.1:9/x.tar.gz"), RuntimeUnavailable.exit_code, "refused"),
        (("get", "x.tar.gz", "--sha256", "12"), 2, "64 hex digits"),
    ],
)
def test_each_failure_has_its_exit_code_and_a_next_step(
    tmp_path: Path, words: tuple[str, ...], code: int, part: str
) -> None:
    said = called(tmp_path, *words)
    assert said.returncode == code, said.stderr
    assert part in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("name", ["pilot.zip", "no/folder/pilot.tar.xz"])
def test_where_to_pack_must_be_possible(tmp_path: Path, name: str) -> None:
    assert called(tmp_path, "get", "--prefix", trees.lay(tmp_path / "opt")).ok
    said = called(tmp_path, "pack", "-o", tmp_path / name)
    assert said.returncode == 2, said.stderr


def test_every_command_shows_an_example() -> None:
    for name in ("get", "list", "show", "verify", "pack", "remove"):
        assert (
            "Example: glidein runtime"
            in process.run([GLIDEIN, "runtime", name, "--help"], timeout=30).stdout
        )

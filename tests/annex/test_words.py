"""What `glidein slurm` says of options before anything is sent."""

import os
import sys
from pathlib import Path

import pytest

from glidein import process
from tests.beds import tokens


def slurm(home: Path, verb: str, *words: str) -> process.Result:
    """Run it as a user with that home, for a pool that nobody asks."""
    token = home / "token"
    token.touch(mode=0o600)
    token.write_text(tokens.unsigned() + "\n")
    argv = [sys.executable, "-m", "glidein", "slurm", verb, "--pool", "cm", "--owners", "al"]
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    argv += ["--token-file", str(token), *words]
    return process.run(argv, timeout=60, env=env, check=False, cwd=home)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--runtime", "/nowhere/rt.tar.gz"], "--runtime: /nowhere/rt.tar.gz is not there"),
        (["--runtime", "{home}"], "--runtime: {home} holds no HTCondor"),
        (
            ["--runtime", "{home}/token"],
            "--runtime: {home}/token is neither a folder nor a tarball",
        ),
        (["--runtime", "{home}/token", "--sha256", "abc"], "--sha256: 'abc' is no SHA-256"),
        (["--sha256", "a" * 64], "--sha256: says nothing without --runtime"),
    ],
)
def test_a_runtime_that_no_node_could_use_is_refused_before_anything_is_sent(
    tmp_path: Path, words: list[str], field: str
) -> None:
    said = slurm(tmp_path, "submit", *(word.format(home=tmp_path) for word in words))
    assert said.returncode == 2
    assert field.format(home=tmp_path) in said.stderr
    assert not (tmp_path / ".local/state/glidein/requests").exists()


def test_what_is_rendered_may_name_files_of_another_machine(tmp_path: Path) -> None:
    said = slurm(tmp_path, "render", "--runtime", "/cluster/rt.tar.gz")
    assert said.returncode == 0, said.stderr
    assert "gl_runtime=/cluster/rt.tar.gz" in said.stdout
    said = slurm(tmp_path, "render", "--runtime", "/cluster/rt.tar.gz", "--sha256", "xyz")
    assert said.returncode == 2
    assert "--sha256: 'xyz' is no SHA-256" in said.stderr

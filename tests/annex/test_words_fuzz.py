"""`glidein slurm render` with odd words: a script or a message, never a traceback."""

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from annex.cli import words
from glidein import process
from glidein.errors import GlideinError
from tests.slurm_templates.test_fuzz import NASTY, slurm_reads

odd = st.sampled_from(NASTY) | st.sampled_from(
    ("-1", "0", "1e9", "٣", "1h", "64GB", "9" * 30, "a100:", ":2", "@", "x@", "@generic", "nan")
) | st.text(max_size=8)  # fmt: skip
RIGHT = {
    "target": ["generic", "short@generic", "gpu@anvil", "compute@expanse", "normal@stampede2"],
    "pool": ["cm.example.org", "[::1]:9618?sock=collector"], "nodes": ["", "2"], "jobs": ["", "3"],
    "cpus": ["", "4"], "memory": ["", "4GB"], "gpus": ["", "1"], "gpu_type": [""],
    "lifetime": ["1h", "20m"], "idle_time": ["", "10m"], "project": ["", "p1"], "owners": [["al"]],
    "start": ["", "RequestCpus <= 4"], "grace": ["60"], "name": ["", "mine"],
    "runtime": ["/rt.tar.gz", "http://127.0.0.1:9/rt.tar.gz"], "sha256": [""],
    "sbatch": [[], ["comment=x", "exclusive"]], "requeue": [False, True],
}  # fmt: skip
right = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in RIGHT.items()})
wrong = st.dictionaries(
    st.sampled_from([key for key in RIGHT if key != "requeue"]), odd, max_size=3
)


@given(right, wrong)
@settings(max_examples=150, deadline=None)
def test_any_words_make_a_script_or_a_message(
    plain: dict[str, object], others: dict[str, str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        token = Path(folder, "token")
        token.touch(0o600)
        token.write_text("a.b.c\n")
        lists = {"owners", "sbatch"}
        said = {key: [text] if key in lists else text for key, text in others.items()}
        given_ = words.Given(**{**plain, "token_file": str(token), **said})  # type: ignore[arg-type]
        try:
            text = words.order(given_, sending=False).script()
        except GlideinError as error:
            event("a message")
            assert str(error)
            return
        event("a script")
        assert slurm_reads(text)[0] == "--job-name=glidein"
        text.encode()


@pytest.mark.parametrize("key", ["start", "project", "owners", "sbatch", "runtime", "token-file"])
@pytest.mark.parametrize("value", ["$(touch CANARY)", "\udcff", "a\nb", "\x1b[2J", "'"])
def test_the_command_itself_prints_a_script_or_a_message(
    tmp_path: Path, key: str, value: str
) -> None:
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("a.b.c\n")
    argv = [sys.executable, "-m", "glidein", "slurm", "render", "--pool", "cm.example.org",
            "--owners", "al", "--runtime", "/rt.tar.gz", "--token-file", str(token),
            f"--{key}", value]  # fmt: skip
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = process.run(argv, timeout=60, env=env, check=False, cwd=tmp_path)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 2), done.stderr
    assert bool(done.stdout) == (done.returncode == 0)
    assert not list(tmp_path.rglob("CANARY"))

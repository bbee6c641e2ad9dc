"""`glidein slurm render` with odd words: a script or a message, never a traceback."""

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from annex.cli import drafting, words
from glidein import process
from glidein.errors import GlideinError
from tests.slurm_templates.test_fuzz import NASTY, slurm_reads

odd = st.sampled_from(NASTY) | st.sampled_from(
    ("-1", "0", "1e9", "٣", "1h", "64GB", "9" * 30, "a100:", ":2", "@", "x@", "@generic", "nan")
) | st.text(max_size=8)  # fmt: skip
BASE = {
    "target": "generic", "pool": "cm.example.org", "nodes": "", "jobs": "", "cpus": "4",
    "memory": "4GB", "gpus": "", "gpu_type": "", "lifetime": "1h", "idle_time": "10m",
    "project": "", "owners": ["al"], "start": "", "grace": "60", "name": "",
    "runtime": "/rt.tar.gz", "sha256": "", "sbatch": [], "requeue": False,
}  # fmt: skip
MORE: tuple[dict[str, object], ...] = (
    {"nodes": "2", "start": "RequestCpus <= 4", "sbatch": ["comment=x", "exclusive"]},
    {"target": "short@generic", "jobs": "3", "name": "mine", "requeue": True},
    {"target": "gpu@anvil", "memory": "", "gpus": "4", "pool": "[::1]:9618?sock=collector"},
    {"target": "GPU@bridges2", "cpus": "", "memory": "", "gpus": "v100-32:8"},
    {"target": "compute@expanse", "cpus": "", "memory": "", "project": "p1"},
)
right = st.sampled_from(MORE).map(lambda more: {**BASE, **more})
keys: st.SearchStrategy[str] = st.sampled_from([key for key in BASE if key != "requeue"])
wrong = st.dictionaries(keys, odd, max_size=1) | st.dictionaries(keys, odd, max_size=3)


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
        given_ = drafting.Given(**{**plain, "token_file": str(token), **said})  # type: ignore[arg-type]
        try:
            text = words.order(given_, sending=False).script()
        except GlideinError:
            event("a message")
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

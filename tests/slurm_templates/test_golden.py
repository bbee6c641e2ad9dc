"""The batch script of every queue, beside what a person has read and found right.

After a change that is meant: pytest tests/slurm_templates --update-golden, then read the diff.
"""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from tests.slurm_templates import asks
from tests.slurm_templates.asks import ASKS, PAYLOAD, asked

FOLDER = Path(__file__).parents[1] / "golden" / "slurm"
SAME = "# --- the same in every batch script of Glidein"
LAUNCH = files("slurm_templates").joinpath("launch.sh").read_text(encoding="utf-8")
SHELLCHECK = Path(sys.executable).with_name("shellcheck")


def head(text: str) -> str:
    """Return what is above the launcher: all that differs from script to script."""
    return text[: text.index(f"\n{SAME}") + 1]


def check_golden(file: Path, text: str, *, update: bool) -> None:
    """Compare with a golden file, or write it. One that is missing is a failure."""
    if update:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert file.exists(), f"{file.name} is missing; look at it: pytest --update-golden"
    assert text == file.read_text()


def test_every_queue_and_variant_has_an_ask() -> None:
    known = [asked(name) for name in ASKS]
    there = {
        (each.target.system.name, each.target.queue.name, each.variant.name if each.variant else "")
        for each in known
    }
    assert asks.wanted() <= there


@pytest.mark.parametrize("name", ASKS)
def test_the_script_is_as_in_its_golden_file(name: str, pytestconfig: pytest.Config) -> None:
    update = pytestconfig.getoption("--update-golden")
    text = asked(name).text
    check_golden(FOLDER / f"{name}.sbatch", head(text), update=update)


def test_there_is_no_golden_file_without_an_ask() -> None:
    assert {str(each.relative_to(FOLDER)) for each in FOLDER.rglob("*.*")} == {
        f"{name}.sbatch" for name in ASKS
    }


@pytest.mark.parametrize("name", ASKS)
def test_below_stand_launcher_and_payload_as_they_are(name: str) -> None:
    text = asked(name).text
    rest = text.removeprefix(head(text)).removeprefix(LAUNCH)
    lines = rest.split("\n")
    assert lines[:1] == [""]
    assert lines[1].startswith("# The pilot itself, as it is; SHA-256 ")
    start = "gl_payload() {\n  cat <<'GLIDEIN_HERE_ENDS'\n"
    end = 'GLIDEIN_HERE_ENDS\n}\n\ngl_main "$@"\n'
    assert "\n".join(lines[2:]) == start + PAYLOAD + end


def test_a_missing_golden_file_is_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "new" / "queue.sbatch"
    with pytest.raises(AssertionError, match="is missing"):
        check_golden(file, "text", update=False)
    check_golden(file, "text", update=True)
    check_golden(file, "text", update=False)
    with pytest.raises(AssertionError):
        check_golden(file, "other", update=False)


@pytest.mark.parametrize("name", ASKS)
def test_bash_can_read_it(name: str) -> None:
    done = subprocess.run(
        ["/bin/bash", "-n"], input=asked(name).text, text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["generic/default-seed", "delta/gpuA100x4", "expanse/gpu"])
def test_shellcheck_finds_nothing(name: str) -> None:
    check_shell(asked(name).text)


def test_shellcheck_finds_nothing_in_any_head() -> None:
    """All heads in one program, each a function: shellcheck is slow to start."""
    ends = 'printf \'%s\\n\' "$gl_token" "$gl_runtime$gl_runtime_sha256" "${gl_work_dirs[@]}"\n'
    ends += 'echo "$gl_seconds $gl_lead $gl_margin $gl_gpus"\ngl_setup\ngl_common_conf\n'
    check_shell("#!/bin/bash\n" + "".join(f"(\n{head(asked(n).text)}{ends})\n" for n in ASKS))


def check_shell(text: str) -> None:
    done = subprocess.run([SHELLCHECK, "--shell=bash", "-"], input=text, text=True,
                          capture_output=True, check=False)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")

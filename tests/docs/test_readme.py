"""The README's demo block is held against a real run, line by line, numbers and names aside."""

import re
import sys
from pathlib import Path

import pytest

from glidein import process
from tests.docs import guides

README = Path(__file__).parent.parent.parent / "README.md"
MARK = "<!-- demo: tests/docs hold these lines against a real run -->"


def shape(line: str) -> str:
    """Return a line without what differs from run to run: numbers, ids, users, folders."""
    line = re.sub(r"g\d{8}-\d{6}-\w+", "REQUEST", line.strip())
    line = re.sub(r"\S+@throwaway\.pool", "OWNER", line)
    line = re.sub(r"/tmp/\S+", "FOLDER", line)
    line = re.sub(r"(HTCondor \S+) \(.*\)", r"\1 (SOURCE)", line)
    return re.sub(r"\d+(\.\d+)*", "N", line)


def block() -> list[str]:
    """Return the shapes of the lines in the block after the mark."""
    (first, *_) = guides.of(README.name, README.read_text().split(MARK)[1])
    return [shape(line) for line in first.lines if line.strip()]


def by_voice(lines: list[str]) -> dict[str, list[str]]:
    """Return each voice's lines in their order, each once; the last voice is the summary's.

    Pilot, jobs and pool speak at the same time, so only the order of one voice is certain. A
    pilot may become idle and busy again more often than once: what counts is when it first did.
    """
    voices: dict[str, list[str]] = {}
    for line in lines:
        said = re.match(r"N s +(runtime|pool|workflow|pilot N|pilot|job N|clean up)\b", line)
        spoken = voices.setdefault(said[1] if said else "summary", [])
        if line and line not in spoken:
            spoken.append(line)
    return voices


def kept(lines: list[str], among: list[str]) -> list[str]:
    """Return the lines that the others have too: a machine's own checks and sources differ."""
    return [line for line in lines if line in among]


@pytest.mark.real
@pytest.mark.root
def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    said = process.run([sys.executable, "-m", "glidein", "demo"], timeout=300, cwd=tmp_path)
    printed = [shape(line) for line in said.stdout.splitlines()]
    shown = block()
    assert len(shown) > 20
    assert [line for line in shown if line not in printed and "curl" not in line] == []
    # What a machine has differs; that a step of the way is missing in the README does not.
    steps = [line for line in printed if line and "check" not in line and "runtime " not in line]
    assert [line for line in steps if line not in shown] == []
    spoken, written = by_voice(printed), by_voice(shown)
    assert [name for name in spoken if name != "job N"] == [x for x in written if x != "job N"]
    for voice, lines in written.items():
        assert kept(lines, spoken[voice]) == kept(spoken[voice], lines), voice

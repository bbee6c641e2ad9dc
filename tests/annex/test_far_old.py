"""Places on the far side do not grow without end: what ended long ago goes with the next submit."""

import os
import time
from importlib.resources import files
from pathlib import Path

import pytest

from glidein import process


def place(root: Path, name: str, *names: str, days: float = 32) -> Path:
    """Make a request's place, all in it that old."""
    folder = root / name
    (folder / "run.1.0.0").mkdir(parents=True)
    for each in ("request", "run.1.0.0/pilot.0.log", *names):
        (folder / each).touch()
    when = time.time() - days * 86400
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (when, when))
    return folder


def forget_old(root: Path) -> list[str]:
    """Run far_forget_old over the places; return those that are left."""
    common = files("annex").joinpath("far/common.sh").read_text(encoding="utf-8")
    text = f'{common}\nfar_root=$1\nfar_forget_old\n'  # fmt: skip
    process.run(["bash", "-c", text, "-", root], timeout=20)
    return sorted(each.name for each in root.iterdir())


@pytest.mark.parametrize("mark", ["done.0", "cancelled", "refused"])
def test_what_ended_more_than_a_month_ago_goes(tmp_path: Path, mark: str) -> None:
    root = tmp_path / "it's $(a) folder"
    place(root, "g1-old", mark)
    place(root, "g1-young", mark, days=20)
    place(root, "g1-not-over")
    assert forget_old(root) == ["g1-not-over", "g1-young"]


def test_one_whose_other_tasks_still_write_stays(tmp_path: Path) -> None:
    kept = place(tmp_path, "g1-array", "done.0")
    (kept / "run.1.0.0/pilot.0.log").write_text("x")
    assert forget_old(tmp_path) == ["g1-array"]


def test_no_place_at_all_is_no_trouble(tmp_path: Path) -> None:
    root = tmp_path / "none"
    root.mkdir()
    assert forget_old(root) == []

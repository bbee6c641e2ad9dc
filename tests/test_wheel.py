"""The wheel as users get it: four names at its top, and the files that are no Python."""

import sys
import zipfile
from pathlib import Path

import pytest

from glidein import process

ROOT = Path(__file__).parents[1]
NAMES = {"glidein", "annex", "cloud_init", "slurm_templates"}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    uv = process.run([sys.executable, ROOT / ".ci" / "get_uv.py"], timeout=120).stdout.strip()
    out = tmp_path_factory.mktemp("wheel")
    process.run([uv, "build", "--wheel", "--quiet", "--out-dir", out, ROOT], timeout=300)
    with zipfile.ZipFile(next(out.glob("*.whl"))) as wheel:
        return wheel.namelist()


def test_exactly_four_names_at_the_top(names: list[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == NAMES


def test_what_is_no_python_is_inside(names: list[str]) -> None:
    wanted = {f"{room}/py.typed" for room in NAMES}
    wanted |= {"glidein/payload/pilot.sh", "glidein/data/start-pilot.sh"}
    wanted |= {"glidein/data/glidein-run@.service"}
    systems = (ROOT / "glidein/systems").glob("*.toml")
    wanted |= {f"glidein/systems/{each.name}" for each in systems}
    assert "glidein/systems/delta.toml" in wanted
    assert wanted <= set(names)
    assert not [name for name in names if name.startswith(("tests", "bench"))]

"""The benchmark of demand, small: both ways come to the same answer, and the table says so."""

import json
import sys
from pathlib import Path

import pytest

from glidein import process

pytestmark = [pytest.mark.real, pytest.mark.root]
ROOT = Path(__file__).parent.parent.parent


def test_it_runs_and_publishes() -> None:
    argv = [sys.executable, "-m", "bench.bench_demand", "--jobs", "800", "--runs", "1",
            "--name", "demand-small"]  # fmt: skip
    said = process.run(argv, timeout=200, cwd=ROOT)
    assert "aggregated (glidein)" in said.stdout
    written = json.loads((ROOT / "bench/out/demand-small.json").read_text())
    (size,) = written["sizes"]
    assert (size["jobs"], size["groups"]) == (800, 800)
    assert min(size["figures"]["AutoCluster"]["mib"]) > 0

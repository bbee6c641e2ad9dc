"""HTCondor's configuration reads back what went through the filter, or the filter refused it."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glidein import process, quoting
from glidein.errors import RenderError
from glidein.runtime import Runtime
from tests.test_quoting import PIECES, TEXT

pytestmark = pytest.mark.real


def read_back(condor: Runtime, values: list[str]) -> list[str]:
    """Write each value to a knob of one file and have condor_config_val read all of them."""
    names = [f"KNOB{n}" for n in range(len(values))]
    with tempfile.TemporaryDirectory(prefix="glq-") as folder:
        config = Path(folder, "config")
        lines = (f"{name} = {quoting.condor(value)}\n"
                 for name, value in zip(names, values, strict=True))  # fmt: skip
        config.write_text("".join(lines), encoding="utf-8", newline="\n")
        env = {"CONDOR_CONFIG": str(config), "PATH": "/usr/bin:/bin"}
        said = process.run([condor.program("condor_config_val"), *names], timeout=30, env=env)
    return said.stdout.removesuffix("\n").split("\n")


def kept(value: str) -> bool:
    try:
        quoting.condor(value)
    except RenderError:
        return False
    return value != ""  # which reads back as a knob that is not defined


@settings(max_examples=60, deadline=None)
@given(values=st.lists((TEXT | PIECES).filter(kept), min_size=1, max_size=30))
def test_what_it_keeps_comes_back(condor: Runtime, values: list[str]) -> None:
    assert read_back(condor, values) == values


def test_what_lies_near_to_what_it_refuses_comes_back(condor: Runtime) -> None:
    values = ["$", "$(", "a$(b)c", "$(DOLLAR", "$ $", "\\a", "\u00a0a", "\x1fa", "#", '"', "$x$y"]
    assert read_back(condor, values) == values

"""The quick reader of entry points finds what importlib.metadata finds."""

import sys
from importlib import metadata
from pathlib import Path

import pytest

from glidein import process
from glidein.cli import points

STRANGER = """\
[console_scripts]
odd = odd:main

# a room of somebody else's
[glidein.commands]
odd = odd.cli:app [extra]
systems.odd=odd.cli:app.inner

[glidein.hops]
odd = odd:hop
"""
ASK = """\
import sys
from glidein.cli import commands, points
for each in commands.table().values(): print(each.name, each.target, each.help, sep="|")
for each in commands.below("systems").values(): print(each.name, each.value, sep="|")
print(*(name for name in ("email", "importlib.metadata") if name in sys.modules))
"""


@pytest.mark.parametrize("group", ["glidein.commands", "glidein.providers", "console_scripts"])
def test_it_finds_here_what_the_standard_library_finds(group: str) -> None:
    known = metadata.entry_points(group=group)
    ours = {(each.name, each.value, each.package) for each in points.points(group)}
    assert len(known) > 0
    assert ours == {(each.name, each.value, each.dist.name) for each in known if each.dist}


def test_what_a_point_names_is_loaded() -> None:
    point = points.Point("path", "os:path.join", Path())
    assert point.load() is __import__("os").path.join
    assert point.package == "os"


def test_a_strangers_commands_are_listed_with_its_packages_name(tmp_path: Path) -> None:
    for place, name in (("first", "Odd.Things"), ("second", "Another")):
        folder = tmp_path / place / "odd_things-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "entry_points.txt").write_text(STRANGER.replace("odd.cli", f"{place}.cli"))
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\n")
    env = {"PYTHONPATH": f"{tmp_path / 'first'}:{tmp_path / 'second'}:{tmp_path / 'nowhere'}"}
    said = process.run([sys.executable, "-c", ASK], timeout=30, env=env).stdout.splitlines()
    assert "odd|first.cli:app|From Odd.Things" in said
    assert "systems.odd|first.cli:app.inner" in said
    assert not [line for line in said if "second.cli" in line]
    assert said[-1] == ""

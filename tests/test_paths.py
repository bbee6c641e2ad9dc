"""The folders are read from the environment, so each case runs in an interpreter of its own."""

import sys
from pathlib import Path

import pytest

from glidein import paths, process

ASK = "from glidein import paths; print(paths.cache(), paths.state(), sep='\\n')"


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, ["/h/.cache/glidein", "/h/.local/state/glidein"]),
        ({"XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "/s d"},
         ["/c/glidein", "/s d/glidein"]),
        ({"XDG_STATE_HOME": "relative", "XDG_CACHE_HOME": ""},
         ["/h/.cache/glidein", "/h/.local/state/glidein"]),
    ],
)  # fmt: skip
def test_the_xdg_folders(env: dict[str, str], expected: list[str]) -> None:
    said = process.run([sys.executable, "-c", ASK], timeout=30, env={"HOME": "/h", **env})
    assert said.stdout.splitlines() == expected


def test_a_private_folder_is_closed_also_if_it_was_open(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True, mode=0o755)
    assert paths.private_folder(folder).stat().st_mode & 0o777 == 0o700

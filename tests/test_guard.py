import os
import sys
import time
from pathlib import Path

import pytest

from glidein import process
from glidein.errors import ConfigError
from glidein.guard import Guard

DIE = """
import os, sys
from pathlib import Path
from glidein.guard import Guard
guard = Guard(Path(sys.argv[1]))
(Path(sys.argv[1]) / "file").touch()
os.kill(os.getpid(), 9)
"""


def test_a_folder_that_holds_something_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="would be removed"):
        Guard(tmp_path)
    with pytest.raises(ConfigError, match="cannot be used"):
        Guard(tmp_path / "thesis.tex")
    time.sleep(0.5)
    assert (tmp_path / "thesis.tex").exists()


def test_an_empty_or_a_new_folder_is_guarded(tmp_path: Path) -> None:
    for folder in (tmp_path / "new" / "one", tmp_path / "new"):
        with Guard(folder):
            assert folder.is_dir()
        folder.rmdir()


def test_a_dead_owners_guard_ends_what_is_marked_and_nobody_else(tmp_path: Path) -> None:
    folder = tmp_path / "a b$[c]"
    log, sleep = tmp_path / "log", ["/bin/sleep", "60"]
    marked = [
        process.spawn(sleep, log=log, env=env)
        for env in ({"HOME": str(folder)}, {"GLIDEIN_X": f"{folder}/y"})
    ]
    strangers = [
        process.spawn(sleep, log=log, env=env)
        for env in ({"PWD": str(folder)}, {"HOME": f"{folder}2"}, {"NOTE": f"HOME={folder}"})
    ]
    try:
        process.run([sys.executable, "-c", DIE, folder], timeout=20, check=False)
        until = time.monotonic() + 15
        while folder.exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert not folder.exists()
        assert [process.alive(pid) for pid in marked + strangers] == [False] * 2 + [True] * 3
    finally:
        for pid in marked + strangers:
            os.kill(pid, 9)
            os.waitpid(pid, 0)

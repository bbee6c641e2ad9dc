"""The systemd user unit: its head's lines are typed, systemd reads it, and its command is run."""

import re
import shlex
import signal
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from glidein import process, report
from glidein.runtime import Runtime
from glidein.throwaway import PoolOptions
from tests.beds import pools
from tests.docs.room import Room, opened

pytestmark = [pytest.mark.real, pytest.mark.root]

UNIT = Path(str(files("glidein").joinpath("data/glidein-run@.service")))
NAME = "gltest2"
# A test machine has no systemd that runs: these lines are shown to systemctl's own --help.
TOLD_SYSTEMD = ("systemctl ", "loginctl ")


def head() -> tuple[str, list[str]]:
    """Return what the unit's head wants in the file of options, and the lines to type."""
    lines = [line.removeprefix("#").strip() for line in UNIT.read_text().splitlines()]
    lines = lines[: lines.index("[Unit]")]
    options = next(line for line in lines if line.startswith("GLIDEIN_RUN_OPTIONS="))
    first, last = lines.index("mkdir -p ~/.config/systemd/user"), len(lines)
    return options, [line for line in lines[first:last] if re.match(r"[a-z]+ .*[^:.]$", line)]


def setting(name: str) -> str:
    found = re.search(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.fixture
def room(condor: Runtime, users: dict[str, int]) -> Iterator[Room]:
    with (
        pools.pool_of(condor, PoolOptions(user=users[NAME])) as pool,
        pools.open_folder("gld-") as folder,
        opened(folder, NAME, users[NAME], pool) as room,
    ):
        yield room


def known(line: str) -> bool:
    """Whether the program's help speaks of the line's command and of each of its options."""
    program, *words = shlex.split(line)
    said = process.run([program, "--help"], timeout=20).stdout
    spoken = [word for word in words if word.startswith("--") or word == words[0]]
    asked = next(word for word in words if not word.startswith("-"))
    return all(re.search(rf"(^|\s){re.escape(x)}\b", said) for x in {*spoken, asked})


def test_its_head_is_typed_and_its_command_starts_a_pilot(room: Room) -> None:
    options, lines = head()
    assert len(lines) == 4
    room.type("cp glidein/data/glidein-run@.service .")
    for line in lines:
        if line.startswith(TOLD_SYSTEMD):
            assert known(line), line
        else:
            room.type(line)
    installed = room.home / ".config/systemd/user" / UNIT.name
    assert installed.exists()
    instance = installed.with_name("glidein-run@lab.service")
    instance.write_text(UNIT.read_text())
    argv: list[str | Path] = ["systemd-analyze", "--user", "verify", instance]
    env = {**room.env, "XDG_RUNTIME_DIR": str(room.folder)}
    said = process.run(argv, timeout=60, env=env)
    assert said.stdout + said.stderr == ""
    room.type("uv tool install .")
    room.type("mkdir -p ~/.condor/tokens.d && chmod 700 ~/.condor/tokens.d")
    room.type("cp ~/token ~/.condor/tokens.d/pool")
    line = setting("ExecStart").replace("%h", str(room.home))
    line = line.replace("$GLIDEIN_RUN_OPTIONS", options.partition("=")[2])
    line = line.replace("--cpus 8", "--cpus 1").replace("--memory 32GB", "--memory 512MB")
    code, said_by = room.type_until(line, "STATE joined", signal.SIGTERM)
    assert (code, report.reports(said_by)[0]["reason"]) == (0, "told")

"""Odd surroundings: locale, time zone, PATH, HOME, umask, stdin, what bash itself listens to."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from glidein import pilotconf
from glidein.throwaway import ThrowawayPool
from tests.beds import pools
from tests.beds.jobs import Job, desk_of
from tests.beds.pilots import PATH, Pilot, Yard, write

pytestmark = [pytest.mark.real, pytest.mark.root]

PLAIN = {"PATH": PATH, "HOME": "/nonexistent"}
KINDS: dict[str, dict[str, str]] = {
    "turkish": {**PLAIN, "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "german": {**PLAIN, "LC_ALL": "de_DE.UTF-8", "LC_NUMERIC": "de_DE.UTF-8"},
    "far zone": {**PLAIN, "TZ": "Pacific/Kiritimati"},
    "no zone": {**PLAIN, "TZ": "it's $(no) zone"},
    "empty PATH": {"PATH": "", "HOME": "/nonexistent"},
    "no PATH": {"HOME": "/nonexistent"},
    "no HOME": {"PATH": PATH},
    "closed HOME": {"PATH": PATH, "HOME": "/root"},
    "nothing": {},
    "bash": {
        **PLAIN,
        "CDPATH": "/tmp:/",
        "POSIXLY_CORRECT": "1",
        "ENV": "/etc/passwd",
        "SHELLOPTS": "noclobber:noglob:nounset",
        "GLOBIGNORE": "*",
        "IFS": "/",
        "BASH_FUNC_rm%%": "() { false; }",
        "BASH_FUNC_kill%%": "() { false; }",
    },
    "umask": PLAIN,
    "no stdin": PLAIN,
}
LEADS = {
    "umask": ["sh", "-c", 'umask 000 && exec "$@"', "lead"],
    "no stdin": ["sh", "-c", 'exec "$@" <&-', "lead"],
}
Cases = dict[str, tuple[Pilot, Job]]


@pytest.fixture(scope="module")
def started(crowd: Yard, pool: ThrowawayPool, users: dict[str, int]) -> Iterator[Cases]:
    """A pilot in each of the surroundings, and a job for it, all at once."""
    uid, token = users["gltest1"], pool.token("gltest1")
    with pools.open_folder("gle-") as folder, desk_of(pool, users) as counter:
        noisy = write(folder / "env.sh", "echo noise; set -f; cd() { false; }\n", uid, 0o755)
        env = {k: v | ({"BASH_ENV": str(noisy)} if k == "bash" else {}) for k, v in KINDS.items()}
        found = {
            name: crowd.start(uid, token, {"IDLE": "8"}, env=env[name], lead=LEADS.get(name, ()))
            for name in KINDS
        }
        yield {
            name: (pilot, counter.submit("gltest1", 'echo "$TZ|$PATH"', pilot.only))
            for name, pilot in found.items()
        }


@pytest.mark.parametrize("name", list(KINDS))
def test_odd_surroundings_change_nothing(started: Cases, name: str) -> None:
    pilot, job = started[name]
    zone, _, path = job.wait_done().output.strip().rpartition("|")
    assert zone == KINDS[name].get("TZ", "")
    assert "/usr/bin" in path
    assert pilot.wait(40) == 0, pilot.text
    assert pilot.reason == "idle"
    pilot.assert_clean()
    assert abs(pilot.report["ended"] - time.time()) < 120


def test_an_open_umask_opens_nothing(
    pilots: Yard, pool: ThrowawayPool, users: dict[str, int]
) -> None:
    pilot = pilots.start(users["gltest1"], pool.token("gltest1"), lead=LEADS["umask"])
    (folder,) = pilot.wait_for("joined").work.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [x.name for x in _tree(folder) if x.stat().st_mode & 0o022] == []


def _tree(folder: Path) -> list[Path]:
    return [x for x in folder.rglob("*") if not x.is_symlink() and not x.is_socket() and x.exists()]


def test_every_key_of_pilot_conf_may_be_empty(
    pilots: Yard, pool: ThrowawayPool, users: dict[str, int]
) -> None:
    """An empty value is a value left out, for every key but those a pilot cannot do without."""
    needed = ("FORMAT", "POOL", "TOKEN_FILE", "RUNTIME", "WORK_DIR", "CPUS", "MEMORY_MB", "GPUS")
    conf = {key: "" for key in pilotconf.KEYS if key not in needed}
    pilots.start(users["gltest1"], pool.token("gltest1"), conf).wait_for("joined")

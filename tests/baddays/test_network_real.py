"""A pool that cannot be reached: refused, dropped, silent, no collector, no name server."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from glidein import process, report
from glidein.throwaway import ThrowawayPool
from tests.beds import pools, ports
from tests.beds.jobs import Desk
from tests.beds.pilots import Pilot, Yard, command, wait_until

pytestmark = [pytest.mark.real, pytest.mark.root]

BLACK_HOLE = "127.0.0.97"
DEAF = "127.0.0.99"


def behind(folder: Path, name_server: str) -> list[str | Path]:
    """What starts a program with that name server, and pool.local in its hosts file."""
    (folder / "resolv.conf").write_text(f"nameserver {name_server}\n")
    (folder / "hosts").write_text("127.0.0.1 localhost pool.local\n")
    script = 'mount --bind "$0/resolv.conf" /etc/resolv.conf && mount --bind "$0/hosts" /etc/hosts'
    inside = ["bash", "-c", f'{script} && exec "$@"', str(folder)]
    return ["unshare", "--mount", "--propagation", "private", "--", *inside]


@pytest.fixture(scope="module")
def started(crowd: Yard, pool: ThrowawayPool, users: dict[str, int]) -> Iterator[dict[str, Pilot]]:
    """One pilot for each way in which a pool is away, all at once."""
    token = pool.token("gltest1")
    uid = users["gltest1"]
    with ExitStack() as stack:
        where = {
            "refused": stack.enter_context(ports.refusing()),
            "dropped": stack.enter_context(ports.dropping()),
            "silent": stack.enter_context(ports.silent()),
            "hangs up": stack.enter_context(ports.hanging_up()),
            "web server": stack.enter_context(ports.web()),
        }
        found = {name: crowd.start(uid, token, {"POOL": at}) for name, at in where.items()}
        stack.enter_context(ports.silent_name_server(BLACK_HOLE))
        folder = stack.enter_context(pools.open_folder("gln-"))
        closed = stack.enter_context(pools.open_folder("gln-"))
        dark, none = behind(folder, BLACK_HOLE), behind(closed, "127.0.0.98")
        by_name = {
            "dark name": (dark, "pool.example.org:9618"),
            "no name server": (none, "pool.example.org:9618"),
            "dark address": (dark, str(pool.address)),
            "dark, in hosts": (dark, f"pool.local:{pool.port}"),
        }
        for name, (lead, at) in by_name.items():
            found[name] = crowd.start(uid, token, {"POOL": at}, lead=lead)
        yield found


@pytest.mark.parametrize(
    ("name", "code", "reason", "words"),
    [
        ("refused", 12, "connect", "Connection refused"),
        ("dropped", 12, "connect", "no answer from 127.0.0.1"),
        ("silent", 13, "pool", "check host and port of -c"),
        ("hangs up", 13, "pool", "check host and port of -c"),
        ("web server", 13, "pool", "check host and port of -c"),
        ("dark name", 11, "name", "the name server does not answer"),
        ("no name server", 11, "name", "pool.example.org cannot be resolved"),
    ],
)
def test_a_pool_that_cannot_be_reached(
    started: dict[str, Pilot], name: str, code: int, reason: str, words: str
) -> None:
    pilot = started[name]
    assert pilot.wait(60) == code, pilot.text
    assert pilot.reason == reason
    assert words in pilot.failed
    said = list(report.lines(pilot.text))
    assert said[-1].elapsed < 35, pilot.text
    pilot.assert_clean()


@pytest.mark.parametrize("name", ["dark address", "dark, in hosts"])
def test_a_name_server_that_never_answers_delays_nothing(
    started: dict[str, Pilot], name: str, desk: Desk
) -> None:
    pilot = started[name].wait_for("joined", 60)
    joined = next(x for x in report.lines(pilot.text) if x.text == "joined")
    assert joined.elapsed < 20, pilot.text
    job = desk.submit("gltest1", "echo ran", pilot.only).wait_done(timeout=20)
    assert job.output == "ran\n"


def test_a_signal_ends_a_pilot_that_waits_for_a_name_server(
    pilots: Yard, users: dict[str, int], pool: ThrowawayPool
) -> None:
    with ports.silent_name_server(DEAF), pools.open_folder("gln-") as folder:
        conf, lead = {"POOL": "pool.example.org"}, behind(folder, DEAF)
        pilot = pilots.start(users["gltest1"], pool.token("gltest1"), conf, lead=lead)

        def asking() -> bool:
            ours = process.all_of(pilot.work.parent)
            return any(command(pid).startswith("getent") for pid in ours)

        wait_until(asking, 30, "getent")
        pilot.signal(signal.SIGTERM)
        assert pilot.wait(3) == 0, pilot.text
    assert pilot.reason == "told"
    pilot.assert_clean()


def test_a_server_that_never_sends_the_runtime_costs_no_more_than_the_pilots_life(
    pilots: Yard, users: dict[str, int], pool: ThrowawayPool
) -> None:
    with ports.silent() as silent:
        conf = {"RUNTIME": f"http://{silent}/condor.tar.gz", "LIFETIME": "7"}
        pilot = pilots.start(users["gltest1"], pool.token("gltest1"), conf)
        assert pilot.wait(13) == 10
    assert "could not be fetched" in pilot.failed
    pilot.assert_clean()

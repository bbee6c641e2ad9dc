"""check has one deadline for all that it asks the network, and says what it found until then."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from glidein import check, process
from glidein.model import FAIL, PASS, PoolAddress
from glidein.throwaway import ThrowawayPool
from tests.beds import submitters

pytestmark = pytest.mark.real


@contextmanager
def silent() -> Iterator[PoolAddress]:
    """Yield a port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield PoolAddress("127.0.0.1", listener.getsockname()[1])


@contextmanager
def stopped(pool: ThrowawayPool) -> Iterator[None]:
    """Have the pool's collector, and what hands it connections, stand still."""
    names = (b"condor_collector\0", b"condor_shared_port\0")
    said = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in process.all_of(pool.folder)}
    pids = [pid for pid, words in said.items() if any(name in words for name in names)]
    assert len(pids) == 2
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_silent_port_takes_no_longer_than_the_whole(shared: ThrowawayPool, papers: Path) -> None:
    token = submitters.token_of(shared, "ann", papers)
    with silent() as address:
        began = time.monotonic()
        found = {each.subject: each for each in check.run(address, token, seconds=4)}
        assert time.monotonic() - began < 8  # the runtime's files are read before, off the clock
    assert found["connect"].verdict == PASS
    assert found["pool"].verdict == FAIL
    assert "no answer within" in found["pool"].message


def test_a_pool_that_falls_silent_midway_leaves_what_was_found(
    shared: ThrowawayPool, papers: Path
) -> None:
    token = submitters.token_of(shared, "ann", papers)
    asking = check.run(shared.address, token, seconds=5)
    found = []
    for each in asking:
        found.append(each)
        if each.subject == "pool":
            break
    with stopped(shared):
        began = time.monotonic()
        found += list(asking)
        assert time.monotonic() - began < 6
    told = {each.subject: each.verdict for each in found}
    assert (told["connect"], told["pool"], told["READ"]) == (PASS, PASS, FAIL)
    assert "ADVERTISE_STARTD" not in told

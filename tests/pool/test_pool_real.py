"""The pool's door against real daemons: demand, identities, time-outs, secrets."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from glidein import process
from glidein.errors import AuthError, ConfigError, ObservationError
from glidein.model import PoolAddress
from glidein.pool import Access, Pool
from glidein.throwaway import ThrowawayPool
from tests.beds import submitters

pytestmark = pytest.mark.real

SLEEP = "executable=/bin/sleep\ntransfer_executable=false\nshould_transfer_files=YES\n"


@pytest.fixture
def submit(shared: ThrowawayPool, papers: Path, door: Pool):  # type: ignore[no-untyped-def]
    def submitted(owner: str, lines: str) -> str:
        return submitters.submit(shared, owner, f"{SLEEP}{lines}\n", papers)

    return submitted


def test_demand_is_counted_by_owner_and_shape(door: Pool, submit) -> None:  # type: ignore[no-untyped-def]
    submit("alice", "request_cpus=2\nrequest_memory=1G\nrequest_disk=2G\nqueue 300")
    submit("alice", "request_cpus=2\nrequest_memory=1G\nrequest_disk=2G\nqueue 5")
    submit("j.doe+x", "request_gpus=1\ngpus_minimum_memory=10G\nallowed_job_duration=7200\n"
           "+MaxWallTime=60\nrequest_memory=100\nrequest_disk=1M\nqueue 4")  # fmt: skip
    seen = door.demand()
    assert seen.complete
    assert [(s.owner, s.jobs, s.cpus, s.memory_mb, s.disk_mb, s.gpus, s.seconds)
            for s in seen.shapes] == [
        ("alice", 305, 2, 1024, 2048, 0, None),
        ("j.doe+x", 4, 1, 100, 1, 1, 3600),
    ]  # fmt: skip
    assert "GPUsMinMemory" in seen.shapes[1].ad


def test_without_an_address_the_configured_pool_is_asked(shared: ThrowawayPool) -> None:
    old = (("SEC_FS_ENFORCE_CHANNEL_BINDING", "False"),)  # the pool is older than the client
    access = Access(config=shared.folder / "condor_config", settings=old, timeout=20)
    with Pool(None, access) as pool:
        assert pool.collector().address
        assert [each.name for each in pool.schedds()]
    with Pool(None, Access(timeout=20)) as pool, pytest.raises(ObservationError):
        pool.collector()


def test_requests_that_are_expressions_are_evaluated_in_the_job(door: Pool, submit) -> None:  # type: ignore[no-untyped-def]
    submit("bob", "queue 3")  # condor_submit's own default is an expression of MemoryUsage
    submit("carol", "request_memory=1000*(ProcId+1)\nrequest_cpus=1+1\nrequest_disk=1M\nqueue 3")
    submit("dave", "request_memory=ifThenElse(MemoryUsage =!= undefined, MemoryUsage*2, 500)\n"
           "+MemoryUsage=700\nrequest_disk=1M\nqueue 2")  # fmt: skip
    submit("erin", "request_memory=TARGET.Memory\nqueue 1")
    seen = {(s.owner, s.memory_mb): s for s in door.demand().shapes}
    assert {key: shape.jobs for key, shape in seen.items()} == {
        ("bob", 128): 3,
        ("carol", 1024): 1,
        ("carol", 2048): 1,
        ("carol", 3072): 1,
        ("dave", 1408): 2,
        ("erin", 0): 1,
    }
    assert seen["carol", 1024].cpus == 2
    assert seen["erin", 0].unknown == ("RequestMemory",)


def test_held_others_and_annex_jobs_stand_apart(door: Pool, submit) -> None:  # type: ignore[no-untyped-def]
    submit("alice", "request_memory=1\nqueue 2")
    submit("alice", "hold=true\nqueue 3")
    submit("alice", "universe=grid\ngrid_resource=condor a b\nqueue 1")
    submit("bob", 'MY.TargetAnnexName="mine"\nqueue 1')
    submit("bob", '+WantThere="no \\"us\\""\nqueue 1')
    seen = door.demand(unless='WantThere is "no \\"us\\""', also=("WantThere",))
    assert [(s.owner, s.jobs, s.annex) for s in seen.shapes] == [
        ("alice", 2, ""),
        ("bob", 1, "mine"),
    ]
    (schedd,) = door.schedds()
    totals = door.totals(schedd)
    assert (totals["alice"].idle, totals["alice"].held, totals["alice"].aside) == (2, 3, 1)
    assert totals["bob"].idle == 2


def test_an_owner_of_too_many_shapes_is_cut_and_hides_nobody(door: Pool, submit) -> None:  # type: ignore[no-untyped-def]
    submit("many", "request_memory=1000*(ProcId+1)\nqueue 100")
    submit("zoe", "request_memory=64\nqueue 7")
    seen = door.demand(most=40)
    assert seen.cut == ("many",)
    assert not seen.complete
    assert [s.jobs for s in seen.shapes if s.owner == "zoe"] == [7]
    assert sum(s.owner == "many" for s in seen.shapes) <= 10


def test_a_schedd_that_stops_answering_is_named_and_hangs_nothing(
    shared: ThrowawayPool, papers: Path, door: Pool
) -> None:
    token = submitters.token_of(shared, "reader", papers, "READ")
    (daemon,) = [pid for pid in process.all_of(shared.folder)
                 if b"condor_schedd\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]  # fmt: skip
    with Pool(shared.address, Access(token_file=token, timeout=3)) as quick:
        assert quick.demand().complete
        os.kill(daemon, signal.SIGSTOP)
        try:
            began = time.monotonic()
            seen = quick.demand(schedds=("nosuch", quick.schedds()[0].name))
            assert time.monotonic() - began < 8
        finally:
            os.kill(daemon, signal.SIGCONT)
        assert not seen.complete
        assert len(seen.troubles) == 2
        assert "no answer within 3 s" in seen.troubles[1]
        assert quick.demand().complete


def test_a_port_that_never_answers_and_one_that_refuses() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with Pool(PoolAddress("127.0.0.1", port), Access(timeout=2)) as asked:
            began = time.monotonic()
            with pytest.raises(ObservationError, match="no answer within 2 s"):
                asked.collector()
            assert time.monotonic() - began < 4
    with (
        Pool(PoolAddress("127.0.0.1", port), Access(timeout=10)) as asked,
        pytest.raises(ObservationError, match="Connection refused"),
    ):
        asked.collector()


def test_each_pool_has_its_own_identity_and_its_own_refusal(
    shared: ThrowawayPool, papers: Path
) -> None:
    files = {name: submitters.token_of(shared, name, papers, "READ") for name in ("ann", "ben")}
    pilots = submitters.token_of(shared, "ann", papers, "READ", "ADVERTISE_STARTD")
    with (
        Pool(shared.address, Access(token_file=files["ann"])) as ann,
        Pool(shared.address, Access(token_file=files["ben"])) as ben,
        Pool(shared.address, Access(token_file=pilots)) as pilot,
    ):
        for name, asked in (("ann", ann), ("ben", ben), ("ann", ann)):
            got = asked.ping("READ")
            assert (got.granted, got.identity) == (True, f"{name}@{shared.options.domain}")
            assert got.trust_domain == shared.options.domain
            assert got.clock is not None
            assert abs(got.clock - time.time()) < 5
            assert not asked.ping("ADVERTISE_STARTD").granted
        assert pilot.ping("ADVERTISE_STARTD").granted


def test_a_wrong_token_is_an_auth_error_and_is_never_shown(
    shared: ThrowawayPool, papers: Path
) -> None:
    good = submitters.token_of(shared, "ann", papers, "READ")
    head, _, signature = good.read_text().strip().rpartition(".")
    bad = papers / "bad"
    bad.touch(mode=0o600)
    bad.write_text(f"{head}.{signature[::-1]}\n")
    with Pool(shared.address, Access(token_file=bad)) as asked:
        with pytest.raises(AuthError) as caught:
            asked.collector()
        assert signature[:20] not in str(caught.value)
        assert head[:20] not in str(caught.value)


def test_the_helper_holds_no_secret_where_others_look_and_ends_with_the_pool(
    shared: ThrowawayPool, papers: Path
) -> None:
    file = submitters.token_of(shared, "ann", papers, "READ")
    secret = file.read_text().strip().encode()
    with Pool(shared.address, Access(token_file=file)) as asked:
        asked.collector()
        (helper,) = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")
                     if parent(entry) == os.getpid()
                     and b"glidein.poolhelper" in (entry / "cmdline").read_bytes()]  # fmt: skip
        for place in ("cmdline", "environ"):
            assert secret not in Path(f"/proc/{helper}/{place}").read_bytes()
        os.kill(helper, signal.SIGKILL)
        with pytest.raises(ObservationError):
            asked.collector()
        assert asked.collector().version  # a new one took its place
    assert not process.alive(helper)


def test_one_job_by_id_and_a_job_nobody_has(door: Pool, submit) -> None:  # type: ignore[no-untyped-def]
    cluster, _, proc = submit("alice", "queue").partition(".")
    found = door.job(int(cluster), int(proc))
    assert found is not None
    assert found[1].string("Owner") == "alice"
    assert door.job(999_999, 0) is None


@pytest.mark.parametrize("text", ["nonsense(((", "true) || (true", "true; x = 1", ""])
def test_an_expression_that_is_none_is_the_users_to_mend(door: Pool, text: str) -> None:
    (schedd,) = door.schedds()
    with pytest.raises(ConfigError, match="no ClassAd expression"):
        door.jobs(text, schedd)


def parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0

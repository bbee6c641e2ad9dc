"""Bad days: memory, room, runtime or token run out; what fails is named, the rest goes on."""

import time

import pytest

from tests.beds.slurm import SlurmBed, wait_for
from tests.slurm.person import Person, ended
from tests.slurm.work import Work

pytestmark = [pytest.mark.real, pytest.mark.root]

HOG = """\
executable = /usr/bin/python3
arguments = "-c 'x = bytearray(1500 * 1000 * 1000); import time; time.sleep(60)'"
transfer_executable = false
log = hog.log
request_memory = 64M
request_disk = 1M
periodic_hold = NumJobStarts > 0 && JobStatus == 1
queue
"""


def on_node(bed: SlurmBed, node: str, command: str) -> None:
    """Change something on one node, as root."""
    bed.on(node, "root", "bash", "-c", command)


@pytest.mark.parametrize("nodes", [1, 2], ids=["batch job", "step"])
def test_a_job_that_eats_all_memory_of_its_pilot_ends_alone(bed: SlurmBed, nodes: int) -> None:
    alice = Person(bed)
    request = alice.start("--cpus", "2", "--memory", "900MB", "--nodes", str(nodes))
    alice.wait_joined(request, nodes)
    bed.on("ap", "alice", "condor_submit", "-terse", "-", stdin=HOG)
    log = bed.home("alice", "ap") / "hog.log"
    over = ("signal 9", "held", "evicted", "exceeded")
    wait_for(lambda: any(word in log.read_text() for word in over), 60, log.read_text)
    bed.on("ap", "alice", "condor_rm", "-all", check=False)
    work = Work(bed, "alice", "after", 2, 0.2)
    work.wait_done()
    work.check_once()
    reason = ended(alice, request)
    assert {pilot["why"] for pilot in alice.row(request)["pilots"]} == {"idle"}
    assert reason.startswith("idle")
    print(log.read_text(), reason)
    alice.wait_nothing(request)


def test_a_node_whose_disk_is_full_ends_its_pilot_and_the_other_works(bed: SlurmBed) -> None:
    alice = Person(bed)
    overlay = bed.home("alice") / ".config/glidein/systems/generic.toml"
    overlay.parent.mkdir(parents=True)
    overlay.write_text('node_scratch = ["/disk"]\n')
    for node, size in (("c0", "1g"), ("c1", "200k")):
        on_node(
            bed, node, f"mkdir -m 1777 /disk; mount -t tmpfs -o size={size},mode=1777 none /disk"
        )
    on_node(bed, "c1", "head -c 300000 /dev/zero >/disk/x || :")
    try:
        request = alice.start("--nodes", "2")
        alice.wait_joined(request, 1)
        work = Work(bed, "alice", "work", 2, 0.2)
        work.wait_done()
        assert {node for _, node, _, _ in work.happened("start")} == {"c0"}
        ended(alice, request)
    finally:
        for node in ("c0", "c1"):
            on_node(bed, node, "umount -l /disk; rmdir /disk")
    first, second = alice.row(request)["pilots"]
    assert first["why"] == "idle"
    assert second["state"] == "never joined"
    assert "/disk" in str(second["report"])
    last = alice.batch_lines(request)[-1]
    assert "1 of 2 pilots joined, 2 jobs run" in last
    assert not last.endswith("exit code 0")
    alice.wait_nothing(request)


def test_a_node_that_cannot_start_its_pilot_leaves_the_others_alone(bed: SlurmBed) -> None:
    alice = Person(bed)
    runtime = bed.folder / "runtime"
    on_node(bed, "c1", f"mount -t tmpfs none {runtime}")
    try:
        request = alice.start("--nodes", "2")
        alice.wait_joined(request, 1)
        ended(alice, request)
    finally:
        on_node(bed, "c1", f"umount {runtime}")
    first, second = alice.row(request)["pilots"]
    assert first["why"] == "idle"
    assert (second["state"], second["why"]) == ("never joined", "runtime")
    assert alice.batch_lines(request)[-1].endswith("exit code 10")
    alice.wait_nothing(request)


def test_a_token_that_expires_in_the_queue_burns_no_allocation(bed: SlurmBed) -> None:
    alice = Person(bed, token=bed.token("alice", lifetime=12))
    rich = bed.submit("bob", "-N10", "--exclusive", "--wrap", "sleep 300")
    bed.wait_state(rich, "RUNNING")
    request = alice.start("--nodes", "2")
    assert alice.row(request)["state"] == "queued"
    time.sleep(13)
    bed.on("login", "bob", "scancel", str(rich))
    began = time.monotonic()
    reason = ended(alice, request)
    print("\n".join(alice.batch_lines(request)))
    assert time.monotonic() - began < 60
    assert reason.startswith("token")
    assert [each["why"] for each in alice.row(request)["pilots"]] == ["token-time"] * 2
    said = bed.on("login", "alice", "glidein", "explain", request, check=False).stdout
    assert (
        "2 of its pilots left as token-time, the token is not in its time (token: it expired"
        in said
    )
    assert "make a new one" in said
    alice.wait_nothing(request)


def test_a_batch_job_that_slurm_remembers_no_more_is_told_from_its_logs() -> None:
    with SlurmBed(accounting=False) as bed:
        conf = bed.folder / "slurm/slurm.conf"
        conf.write_text(conf.read_text().replace("MinJobAge=600", "MinJobAge=2"))
        bed.on("head", "root", "scontrol", "reconfigure")
        alice = Person(bed)
        request = alice.start("--idle-time", "3")
        wait_for(lambda: not alice.queued("--name", request), 60, "it is over")
        known = ["scontrol", "show", "job", str(alice.number(request))]
        forgotten = lambda: not bed.on("login", "alice", *known, check=False).ok  # noqa: E731
        wait_for(forgotten, 60, "Slurm has forgotten it")
        row = alice.row(request)
        assert row["state"] == "ended"
        assert row["reason"] == "the batch system has forgotten it; its pilots said: idle"
        for _ in range(2):
            assert alice.types("cancel", request).returncode == 0
        assert alice.row(request)["state"] == "ended"
        assert not alice.queued()
        alice.wait_nothing(request)

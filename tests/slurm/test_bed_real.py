"""The Slurm bed is what it says: a closed site, a Slurm with limits, and a pool outside."""

import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from glidein import quoting, report
from glidein.process import CommandError
from tests.beds.slurm import SlurmBed, roots, wait_for

pytestmark = [pytest.mark.real, pytest.mark.root]


def test_nobody_comes_in(bed: SlurmBed) -> None:
    bed.prove_closed()
    bed.on("gw", "root", "nft", "insert", "rule", "ip", "gateway", "forward", "accept")
    try:
        with pytest.raises(AssertionError, match="reached from outside"):
            bed.prove_closed()
    finally:
        bed.on("gw", "root", "nft", "flush", "ruleset")
        bed.on("gw", "root", "nft", "-f", bed.folder / "gateway.nft")
    bed.prove_closed()


def test_a_batch_job_runs_on_two_nodes(bed: SlurmBed) -> None:
    number = bed.submit("alice", "-N2", "-o", "out", "--wrap", "srun hostname; id -un")
    assert bed.wait_state(number) == "COMPLETED"
    said = (bed.home("alice") / "out").read_text().split()
    assert sorted(said) == ["alice", "c0", "c1"]
    told = bed.on("login", "alice", "sacct", "-nPX", "-j", str(number), "-o", "State,NNodes")
    assert told.stdout == "COMPLETED|2\n"


def test_a_job_sees_the_gpus_it_asked_for(bed: SlurmBed) -> None:
    wrap = "echo $CUDA_VISIBLE_DEVICES"
    number = bed.submit("alice", "--gres=gpu:a100:2", "-o", "gpus", "--wrap", wrap)
    assert bed.wait_state(number) == "COMPLETED"
    assert (bed.home("alice") / "gpus").read_text() == "0,1\n"


def test_what_is_over_a_limit_is_refused_in_the_fields_words(bed: SlurmBed) -> None:
    for options, words in {
        ("-t", "8-0"): "Requested time limit is invalid",
        ("-p", "short", "-N", "3"): "Node count specification invalid",
        ("-p", "nosuch"): "invalid partition specified: nosuch",
        ("-A", "nosuch"): "Invalid account or account/partition combination specified",
        ("--mem", "200000"): "Requested node configuration is not available",
        ("-c", "49"): "CPU count per node can not be satisfied",
    }.items():
        with pytest.raises(CommandError, match=words):
            bed.submit("alice", *options, "--wrap", "true")
    waiting = ["-p", "short", "--begin=now+1hour", "--wrap", "true"]
    for _ in range(3):
        bed.submit("bob", *waiting)
    with pytest.raises(CommandError, match=r"QOSMaxSubmitJobPerUserLimit[^$]*job submit limit"):
        bed.submit("bob", *waiting)


def test_a_preempted_job_is_queued_again(bed: SlurmBed) -> None:
    sleep = ["--exclusive", "-N", "10", "--wrap", "sleep 100"]
    poor = bed.submit("alice", "-p", "preempt", *sleep)
    bed.wait_state(poor, "RUNNING")
    rich = bed.submit("bob", *sleep)
    bed.wait_state(rich, "RUNNING", timeout=30)
    bed.wait_state(poor, "PENDING")
    assert bed.job(poor)["Restarts"] == "1"


def test_an_array_runs(bed: SlurmBed) -> None:
    wrap = "echo $SLURM_ARRAY_TASK_ID > part.$SLURM_ARRAY_TASK_ID"
    bed.submit("alice", "--array=1-4%2", "--wrap", wrap)
    home = bed.home("alice")
    parts = [home / f"part.{n}" for n in range(1, 5)]
    wait_for(lambda: all(p.exists() and p.read_text() for p in parts), 30, "four tasks ran")


def test_a_job_ends_with_its_node_and_another_with_its_time(bed: SlurmBed) -> None:
    on_two = bed.submit("alice", "-N2", "--no-requeue", "--wrap", "srun sleep 300")
    bed.wait_state(on_two, "RUNNING")
    other = bed.submit("bob", "-w", "c5", "--wrap", "sleep 300")
    bed.wait_state(other, "RUNNING")
    bed.end_soon(other)
    bed.power_off("c1")
    assert bed.wait_state(on_two, timeout=60) == "NODE_FAIL"
    assert bed.wait_state(other, timeout=60) == "TIMEOUT"
    bed.power_on("c1")
    bed.wait_idle()


def test_the_pool_comes_back_after_a_restart_and_after_a_loss_of_power(bed: SlurmBed) -> None:
    bed.restart_cm()
    bed.wait_pool()
    bed.power_off("cm", "ap")
    assert bed.on(
        "c0", "root", "timeout", "3", "bash", "-c", "</dev/tcp/cm/9618", check=False
    ).returncode
    bed.power_on("cm", "ap")
    bed.wait_pool()


def test_a_cancelled_job_ends(bed: SlurmBed) -> None:
    number = bed.submit("alice", "--wrap", "sleep 300")
    bed.wait_state(number, "RUNNING")
    assert not bed.on("login", "bob", "scancel", str(number), check=False).ok
    bed.on("login", "alice", "scancel", str(number))
    assert bed.wait_state(number) == "CANCELLED"


def test_a_controller_comes_back_with_its_queue(bed: SlurmBed) -> None:
    number = bed.submit("alice", "--begin=now+1hour", "--wrap", "true")
    bed.stop_slurmctld()
    refused = bed.on("login", "alice", "squeue", check=False)
    assert "Unable to contact slurm controller" in refused.stderr
    bed.start_slurmctld()
    bed.wait_state(number, "PENDING")


# Says one word, waits until the gateway has forgotten the connection, and says another.
SPEAK = """\
import pathlib, socket, time
door = socket.create_server(("", 22222)).accept()[0]
door.send(b"first\\n")
while not pathlib.Path("/scratch/forgotten").exists():
    time.sleep(0.05)
door.send(b"second\\n")
time.sleep(3)
"""
LISTEN = """\
#!/bin/bash
until exec 3<>/dev/tcp/ap/22222; do sleep 0.1; done
read -r -u 3 first
touch /scratch/open
read -t 2 -r -u 3 second
echo "got $first $second"
"""


def test_a_cut_is_silent_and_a_forgetful_gateway_hangs_what_was_open(bed: SlurmBed) -> None:
    reach = ["timeout", "3", "bash", "-c", "exec 3<>/dev/tcp/cm/9618"]
    bed.cut_wan()
    assert bed.on("c0", "alice", *reach, check=False).returncode == 124
    bed.restore_wan()
    bed.on("c0", "alice", *reach)
    (bed.folder / "scratch/speak.py").write_text(SPEAK)
    speak = "python3 /scratch/speak.py >/dev/null 2>&1 & disown"
    bed.on("ap", "root", "bash", "-c", speak)
    number = bed.submit("alice", "--output=hung", script=LISTEN)
    wait_for((bed.folder / "scratch/open").exists, 20, "the connection is open")
    bed.nat_forgets()
    (bed.folder / "scratch/forgotten").touch()
    assert bed.wait_state(number) == "COMPLETED"
    assert (bed.home("alice") / "hung").read_text() == "got first \n"


def test_a_link_can_be_made_slow(bed: SlurmBed) -> None:
    knock = "import socket, time; t = time.time(); socket.create_connection(('cm', 9618));"
    ask = ["python3", "-c", f"{knock} print(time.time() - t)"]
    assert float(bed.on("c0", "alice", *ask).stdout) < 0.1
    bed.delay(100)
    assert 0.2 <= float(bed.on("c0", "alice", *ask).stdout) < 1
    bed.delay(0)
    assert float(bed.on("c0", "alice", *ask).stdout) < 0.1


def test_small_scratch_can_be_filled(bed: SlurmBed) -> None:
    bed.fill("c2")
    write = ["bash", "-c", "echo something > /small/mine"]
    assert "No space left" in bed.on("c2", "alice", *write, check=False).stderr
    bed.unfill("c2")
    bed.on("c2", "alice", *write)


def test_glidein_runs_as_an_ordinary_user(bed: SlurmBed) -> None:
    for host in ("login", "ap", "c0"):
        assert "glidein" in bed.on(host, "alice", "glidein", "--version").stdout
    via: list[str | Path] = [
        "ssh",
        "-i",
        bed.folder / "key",
        "-o",
        "StrictHostKeyChecking=no",
        "alice@login-wan",
    ]
    assert bed.on("ap", "root", *via, "hostname").stdout == "login\n"


PILOT = """\
#!/bin/bash
#SBATCH --nodes=2 --ntasks-per-node=1 --cpus-per-task=2 --mem=4000 --time=10 --output=pilots
srun bash start.sh
"""

START = """\
cp pilot.conf conf.$SLURM_PROCID
echo "PILOT_INDEX='$SLURM_PROCID'" >> conf.$SLURM_PROCID
exec bash pilot.sh --conf conf.$SLURM_PROCID
"""

JOBS = """\
executable = /bin/hostname
arguments = -s
transfer_executable = false
output = out.$(Process)
request_memory = 64M
request_disk = 1M
queue 6
"""


def test_the_whole_path_from_sbatch_to_a_jobs_output(bed: SlurmBed) -> None:
    home = bed.home("alice")
    shutil.copy(str(files("glidein").joinpath("payload/pilot.sh")), home)
    values = {"FORMAT": "1", "REQUEST_ID": "gbed", "POOL": "cm.bed.pool", "TOKEN_FILE": "token",
              "RUNTIME": str(bed.folder / "runtime"), "WORK_DIR": "/tmp", "IDLE": "20",
              "LIFETIME": "500", "CONTAINERS": "no", "CPUS": "2", "MEMORY_MB": "1000"}  # fmt: skip
    text = "".join(quoting.conf_line(key, value) for key, value in values.items())
    (home / "pilot.conf").write_text(text)
    (home / "token").write_text(bed.token("alice"))
    bed.on("login", "root", "chown", "alice", "/home/alice/token")
    bed.on("login", "root", "chmod", "600", "/home/alice/token")
    cluster = bed.on("ap", "alice", "condor_submit", "-terse", "-", stdin=JOBS).stdout
    (home / "start.sh").write_text(START)
    number = bed.submit("alice", script=PILOT)
    outs = [bed.home("alice", "ap") / f"out.{n}" for n in range(6)]
    done = lambda: all(out.exists() and out.read_text() for out in outs)  # noqa: E731
    said = home / "pilots"
    wait_for(done, 60, lambda: f"jobs of {cluster} are done\n{said.read_text()}")
    assert {out.read_text().strip() for out in outs} <= {"c0", "c1"}
    assert bed.wait_state(number, timeout=90) == "COMPLETED"
    told = report.reports(said.read_text(errors="replace"))
    assert [each["reason"] for each in told] == ["idle", "idle"]


@pytest.mark.parametrize(("newer", "accounting"), [(True, True), (True, False), (False, False)])
def test_beds_of_other_kinds(newer: bool, accounting: bool) -> None:
    root = roots.newer() if newer else roots.native()
    with SlurmBed(root=root, accounting=accounting) as bed:
        version = bed.on("login", "alice", "sinfo", "--version").stdout
        assert root.slurm in version
        number = bed.submit("alice", "-N10", "--wrap", "srun hostname")
        assert bed.wait_state(number) == "COMPLETED"
        assert bed.on("login", "alice", "sacct", check=False).ok == accounting


def test_every_system_has_its_queues(system_bed: SlurmBed) -> None:
    site = system_bed.site
    account = ["-A", site.accounts[-1]] if site.accounts else []
    for queue in site.partitions:
        said = system_bed.on("login", "alice", "sbatch", "--test-only", *account, "-p", queue.name,
                              "-t", "10", "--wrap", "true")  # fmt: skip
        assert f"in partition {queue.name}" in said.stderr
    for queue in site.qos:
        system_bed.on("login", "alice", "sbatch", "--test-only", *account, "-q", queue.name,
                       "-t", "10", "--wrap", "true")  # fmt: skip
    for queue in site.partitions:
        if queue.max_gpus:
            many = ["-p", queue.name, f"--gpus={queue.max_gpus + 1}", "--wrap", "true"]
            with pytest.raises(CommandError, match="QOSMaxGRESPerJob"):
                system_bed.submit("alice", *account, *many)
    if site.accounts:
        with pytest.raises(CommandError, match="Invalid account"):
            system_bed.submit("alice", "--wrap", "true")

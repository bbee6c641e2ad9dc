"""An annex from create to shutdown: a real sshd, a real Slurm, a real pool; far side over SSH."""

import json

import pytest

from tests.annex.far.desk import SMALL, Desk
from tests.beds.slurm import SlurmBed, wait_for

pytestmark = [pytest.mark.real, pytest.mark.root]

JOB = """\
executable = /bin/hostname
output = out.$(Process)
log = {log}.log
request_memory = 64M
request_disk = 1M
queue {count}
"""


@pytest.fixture
def bed(session_bed: SlurmBed) -> SlurmBed:
    session_bed.reset()
    return session_bed


@pytest.fixture
def desk(bed: SlurmBed) -> Desk:
    return Desk(bed)


def status(desk: Desk, name: str) -> list[dict[str, object]]:
    said = desk.types("status", name, "--refresh", "--all", "--json", "--token-file", "token")
    found: list[dict[str, object]] = json.loads(said.stdout)["requests"]
    return found


def submit(desk: Desk, text: str, name: str = "job") -> str:
    desk.put(f"{name}.sub", text)
    return desk.types("-terse", f"{name}.sub", program="condor_submit").stdout.split(".")[0]


def idle(desk: Desk, cluster: str) -> int:
    said = desk.bed.on("ap", "root", "condor_q", "-all", cluster, "-af", "JobStatus", check=False)
    return said.stdout.split().count("1")


def test_an_annex_runs_its_owners_targeted_jobs_and_no_others(desk: Desk) -> None:
    said = desk.create("climate runs", "--nodes", "2")
    assert said.returncode == 0, said.stderr
    assert "2 of 2 pilots have joined" in said.stderr
    again = desk.create("climate runs")
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    desk.put("job.sub", JOB.format(log="job", count=3))
    desk.types("target", "climate runs", "job.sub", "--in-place")
    plain = submit(desk, JOB.format(log="plain", count=1), "plain")
    bob = Desk(desk.bed, "bob")
    forged = f'+Owner = "alice"\n+AnnexName = "climate runs"\n{JOB.format(log="bob", count=1)}'
    stranger = submit(bob, f'My.TargetAnnexName = "climate runs"\n{forged}')
    ours = desk.types("-terse", "job.sub", program="condor_submit").stdout.split(".")[0]
    ask = ("condor_q", "-all", ours, "-af", "ProcId")
    wait_for(lambda: not desk.bed.on("ap", "root", *ask).stdout, 60, "its own jobs are done")
    assert {(desk.home / f"out.{n}").read_text().strip()[:1] for n in range(3)} == {"c"}
    assert (idle(desk, plain), stranger == "" or idle(bob, stranger) == 1) == (1, True)
    assert desk.create("climate runs", "--no-wait", verb="add").returncode == 0
    running = ["running", "running"]
    wait_for(
        lambda: [each["state"] for each in status(desk, "climate runs")] == running, 40, "both"
    )
    assert "FAIL match: 2 of 2" in desk.types("explain", "climate runs").stdout or stranger == ""
    assert desk.types("shutdown", "climate runs").returncode == 0
    assert desk.batch_jobs() == []
    logs = desk.types("logs", "climate runs").stdout
    assert logs.count("GLIDEIN-REPORT") == 3
    secret = (desk.home / "token").read_text().strip()
    left = desk.far_files()
    assert [each for each in left if "token" in each] == []
    assert all(secret not in (desk.bed.home("alice") / each).read_text(errors="replace")
               for each in left if "packed" not in each)  # fmt: skip


def test_shutdown_takes_back_what_waits(desk: Desk) -> None:
    said = desk.create("later", "--no-wait", "--sbatch", "begin=now+1hour")
    assert said.returncode == 0
    assert len(desk.batch_jobs()) == 1
    (found,) = status(desk, "later")
    assert found["state"] == "queued"
    assert "begin time" in str(found["reason"])
    assert desk.types("shutdown", "later").returncode == 0
    assert desk.batch_jobs() == []
    assert desk.types("shutdown", "later").stderr.count("has ended already") == 1
    assert "no annex 'other'" in desk.types("shutdown", "other").stderr


def test_an_annex_that_nobody_uses_ends_by_itself(desk: Desk) -> None:
    usual = ("--cpus", "1", "--mem_mb", "700", "--lifetime", "1200", "--idle-time", "5")
    assert desk.create("idle", usual=usual).returncode == 0
    wait_for(lambda: desk.batch_jobs() == [], 60, "its batch job is over")
    (found,) = status(desk, "idle")
    assert (found["state"], found["reason"]) == ("ended", "idle")
    assert "GLIDEIN-REPORT" in desk.types("logs", "idle").stdout


def test_a_token_is_fetched_for_the_request_and_stays_nowhere(desk: Desk) -> None:
    said = desk.create("own", "--no-wait", "--sbatch", "begin=now+1hour", token=False)
    assert said.returncode == 0, said.stderr
    assert "fetching a token for this request alone" in said.stderr
    state = desk.home / ".local/state/glidein/requests"
    assert [each.name for each in state.rglob("*") if each.is_file() and each.name[0] != "."] == [
        "events.jsonl"
    ]
    place = next(desk.bed.home("alice").glob(".local/state/glidein/batch/*/token"))
    assert place.stat().st_mode & 0o777 == 0o600
    desk.types("shutdown", "own")
    assert not place.exists()


def test_a_system_is_held_against_what_it_says_itself(desk: Desk) -> None:
    said = desk.types("systems", "check", "generic", "--live", "--host", desk.host,
                      program="glidein")  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert "PASS" in said.stdout
    said = desk.types("systems", "check", "bridges2", "--live", "--host", desk.host,
                      program="glidein")  # fmt: skip
    assert (said.returncode, "FAIL" in said.stdout) == (1, True)


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        (("--nodes", "0"), "--nodes", "0"),
        (("--nodes", "99", "TARGET", "RM@bridges2"), "--nodes", "99"),
        (("--lifetime", "5"), "--lifetime", "5"),
        (("--gpu-type", "x", "TARGET", "GPU@bridges2"), "--gpu-type", "x"),
        (("TARGET", "normal@stampede2"), "stampede2", "closed it"),
        (("--login-host", "-oProxyCommand=x"), "--login-host", "no host name"),
        (("--login-name", "a b"), "--login-name", "no user name"),
        (("--token-file", "/nope"), "--token-file", "No such file"),
        (("--runtime", "/nope"), "--runtime", "not there"),
        (("--sbatch", "output=x"), "--sbatch", "output"),
    ],
)
def test_bad_input_is_told_before_anything_is_connected(
    desk: Desk, options: tuple[str, ...], field: str, words: str
) -> None:
    desk.put(".ssh/known_hosts", "")
    *words_, target = options if "TARGET" in options else (*options, "generic")
    given = [each for each in words_ if each != "TARGET"]
    usual = () if "TARGET" in options else SMALL
    said = desk.create("bad", *given, usual=usual, target=target)
    assert said.returncode == 2, said.stderr
    assert field in said.stderr
    assert words in said.stderr
    assert "logging in" not in said.stderr
    assert not (desk.home / ".local/state/glidein/requests").exists()


def test_what_slurm_refuses_is_over_and_a_better_line_is_another_request(desk: Desk) -> None:
    wrong = desk.create("wish", "--no-wait", "--sbatch", "reservation=nobodys")
    assert wrong.returncode == 36, wrong.stderr
    assert "reservation" in wrong.stderr
    assert desk.create("wish", "--no-wait", "--sbatch", "begin=now+1hour").returncode == 0
    assert len(desk.batch_jobs()) == 1
    assert {each["state"] for each in status(desk, "wish")} == {"ended", "queued"}
    desk.types("shutdown", "wish")


def test_of_two_creates_at_one_moment_one_is_sent_away(desk: Desk) -> None:
    line = (
        "annex create --no-wait --sbatch begin=now+1hour --runtime condor.tar.gz --token_file token"
    )
    both = f"cd; for n in 1 2; do {line} {' '.join(SMALL)} twins generic & done; wait"
    desk.bed.on("ap", "alice", "bash", "-c", both, timeout=60)
    assert len(desk.batch_jobs()) == 1
    desk.types("shutdown", "twins")

"""pilot.sh's functions, sourced: many cases a shell, no daemon."""

import base64
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from glidein import matching, pilotconf, process, quoting, report
from glidein.runtime import manifest
from tests.payload.conftest import SCRIPT

ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


def bash(script: str, *args: str, env: dict[str, str] | None = None) -> process.Result:
    text = f"source {quoting.sh(str(SCRIPT))}; set -euo pipefail; begin; trap - EXIT\n{script}"
    argv = ["bash", "-c", text, "test", *args]
    return process.run(argv, timeout=20, env=env or ENV, check=False)


def pilot(*args: str, stdin: str | None = None) -> process.Result:
    return process.run(["bash", SCRIPT, *args], timeout=20, env=ENV, check=False, stdin=stdin)


def token(**claims: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256', 'kid': 'POOL'})}.{part(claims)}.c2ln"


def test_it_knows_the_keys_of_pilot_conf() -> None:
    assert sorted(bash('echo "$CONF_KEYS"').stdout.split()) == sorted(pilotconf.KEYS)


def test_it_knows_the_exit_codes_of_report() -> None:
    said = bash('for k in "${!EXIT_CODE[@]}"; do echo "$k ${EXIT_CODE[$k]}"; done').stdout
    ours = {name: int(code) for name, code in (line.split() for line in said.splitlines())}
    assert ours == {code.reason: code.code for code in report.EXIT_CODES}


@pytest.mark.parametrize(
    "value",
    ["plain", "it's", "back\\slash", "\\n", "two\nlines", "$(id) `id` ${HOME}", 'a "b"', "héß\t☃",
     " blank ends ", "'", "\\'", "a=b # c", ""],
)  # fmt: skip
def test_pilot_conf_is_read_back_exactly(value: str, tmp_path: Path) -> None:
    conf = tmp_path / "pilot.conf"
    conf.write_text(quoting.conf_line("FORMAT", "1") + quoting.conf_line("START", value))
    said = bash('read_conf "$1"; printf "%s." "${CONF[START]}"', str(conf))
    assert said.stdout == value + "."


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("FORMAT='2'\n", "FORMAT '2'"),
        ("START='true'\n", "FORMAT"),
        ("FORMAT='1'\nCOLOUR='red'\n", "COLOUR"),
        ("FORMAT='1'\nSTART=true\n", "START"),
        ("FORMAT='1'\nSTART='a'b'\n", "START"),
        ("FORMAT='1'\nstart='a'\n", "line 2"),
        ("FORMAT='1'\nPOOL='h'\nIDLE='soon'\n", "IDLE"),
        ("FORMAT='1'\nPOOL='h; id'\n", "POOL"),
        ("FORMAT='1'\nPOOL='h:99999'\n", "99999"),
        ("FORMAT='1'\n", "-c"),
    ],
)
def test_a_wrong_pilot_conf_is_refused_by_name(text: str, names: str, tmp_path: Path) -> None:
    conf = tmp_path / "pilot.conf"
    conf.write_text(text)
    said = pilot("--conf", str(conf))
    assert said.returncode == 2
    found = report.reports(said.stdout)[-1]
    assert (found["reason"], found["exit_code"]) == ("usage", 2)
    assert names in found["message"]


def test_help_is_help_and_odd_options_are_refused() -> None:
    assert pilot("-h").stdout.startswith("Usage: pilot.sh -c HOST")
    assert pilot("-h").returncode == 0
    for wrong in (["--what"], ["-c"], ["-c", "h", "-r", "long"]):
        assert pilot(*wrong).returncode == 2


@pytest.mark.parametrize(
    ("words", "conf", "named"),
    [
        (["-i", "soon"], "", "-i: 'soon'"),
        (["-r", "long"], "", "-r: 'long'"),
        (["-Hlong"], "", "-H: 'long'"),
        (["-r", "0"], "", "-r: the pilot's life"),
        (["-c", "h; id"], "", "-c: 'h; id'"),
        (["-c", "h:99999"], "", "-c: 99999"),
        (["-s", "a\\"], "", "-s ends in a backslash"),
        (["-s", "a,b"], "", "-s: 'a,b'"),
        (["-o", "a b"], "", "-o: 'a b'"),
        ([], "IDLE='soon'\n", "IDLE: 'soon'"),
        ([], "LIFETIME='0'\n", "LIFETIME: the pilot's life"),
        (["-i", "late"], "IDLE='soon'\n", "-i: 'late'"),
    ],
)
def test_what_was_given_by_option_is_named_by_it(
    words: list[str], conf: str, named: str, tmp_path: Path
) -> None:
    (tmp_path / "pilot.conf").write_text(f"FORMAT='1'\nPOOL='h'\n{conf}")
    said = pilot("--conf", str(tmp_path / "pilot.conf"), *words)
    assert said.returncode == 2
    assert report.reports(said.stdout)[-1]["message"].startswith(named)


@pytest.mark.parametrize(
    ("start", "owners", "left"),
    [
        ('RemoteOwner == "alice"', "alice", ""),
        ('"alice" == RemoteOwner', "alice", ""),
        ('RemoteOwner=?="alice@pool"||(TARGET.RemoteOwner == "bob")', "alice,bob", ""),
        ('RemoteOwner == "a" && Cpus > 1', "a", "Cpus > 1"),
        ('A == "&& (" && MY.remoteowner == "a" && (B || C)', "a", 'A == "&& ("  &&  (B || C)'),
        ('(RemoteOwner == "a" || RemoteOwner == "b") && (X ?: 1) =?= 1', "a,b", "(X ?: 1) =?= 1"),
        ('(((RemoteOwner == "a") && B < 4))', "a", "B < 4"),
        ("TARGET.Cmd =!= undefined", "", "TARGET.Cmd =!= undefined"),
    ],
)
def test_remote_owner_means_the_owner(start: str, owners: str, left: str) -> None:
    script = 'CONF[START]=$1; remote_owners >&2; printf "%s|%s" "${CONF[OWNERS]-}" "${CONF[START]}"'
    said = bash(script, start)
    assert said.stdout == f"{owners}|{left}"
    assert ("RemoteOwner" in said.stderr) == ("remoteowner" in start.lower())


@pytest.mark.parametrize(
    ("start", "remedy"),
    [
        ('!(RemoteOwner == "a")', "use -o OWNERS"),
        ('RemoteOwner == "a" || Cpus > 1', "use -o OWNERS"),
        ('RemoteOwner == "a" && Cpus > 1 || Memory > 5', "use -o OWNERS"),
        ('Cpus > 1 && (RemoteOwner == "a" || Memory > 5)', "use -o OWNERS"),
        ('RemoteOwner == "a" && A ? B : C', "use -o OWNERS"),
        ('RemoteOwner == "a" && RemoteOwner == "b"', "use -o OWNERS"),
        ('RemoteOwner != "a"', "use -o OWNERS"),
        ('RemoteOwner == "a,b"', "use -o OWNERS"),
        ("RemoteOwner == 'a'", "write double quotes"),
        ("RemoteOwner == 'a' && Cpus > 1", "write double quotes"),
    ],
)
def test_a_remote_owner_that_means_no_owner_is_refused(start: str, remedy: str) -> None:
    said = bash("CONF[START]=$1; remote_owners", start)
    assert (said.returncode, remedy in said.stdout) == (2, True)


@pytest.mark.parametrize(
    ("owners", "start", "code"),
    [
        ("alice", 'RemoteOwner == "bob"', 2),
        ("alice", 'RemoteOwner == "alice" || RemoteOwner == "bob"', 2),
        ("alice,bob", 'RemoteOwner == "bob" && true', 2),
        ("bob, alice", 'RemoteOwner == "alice" || RemoteOwner == "bob"', 0),
        ("bob", 'RemoteOwner == "bob" && true', 0),
    ],
)
def test_owners_and_remote_owner_have_to_agree(owners: str, start: str, code: int) -> None:
    said = bash("CONF[OWNERS]=$1 CONF[START]=$2; remote_owners", owners, start)
    assert said.returncode == code
    assert ("OWNERS names" in said.stdout) == (code == 2)


@pytest.mark.parametrize(
    "start",
    ["true, true", "true,", "true) || (true", "true}) == 1 || size({true", "(true", '"true',
     "true]", 'A == "x\\"', "A ?: 1, 2"],
)  # fmt: skip
def test_a_start_that_is_not_one_expression_is_refused(start: str) -> None:
    said = pilot("-c", "h", "-s", start)
    assert said.returncode == 2
    assert "is not one ClassAd expression" in report.reports(said.stdout)[-1]["message"]


@pytest.mark.parametrize(
    "start", ["member(A, {1, 2})", "A ?: true", "[a=1; b=2].a =?= 1", 'A == ", ("', 'A == "\\", "']
)
def test_a_start_with_commas_inside_is_one_expression(start: str) -> None:
    assert bash('one_expression "$1"', start).returncode == 0


def test_a_claim_that_cannot_be_written_is_no_double(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    script = "CONF[CLAIM_DIR]=$1 NAME=g1.0.0; trap 'echo \"$REASON $MESSAGE\"' EXIT; claim_name"
    assert bash(script, str(tmp_path / "claims")).returncode == 0
    twice = bash(script, str(tmp_path / "claims"))
    assert (twice.returncode, "double g1.0.0" in twice.stdout) == (20, True)
    closed = bash(script, str(tmp_path / "file"))
    assert (closed.returncode, "set CLAIM_DIR to" in closed.stdout) == (19, True)


@pytest.mark.parametrize("owners", ["alice bob", "alice, bob carol", "a\tb"])
def test_owners_with_blanks_between_them_are_refused(owners: str) -> None:
    said = pilot("-c", "h", "-o", owners)
    assert said.returncode == 2
    assert report.reports(said.stdout)[-1]["message"].endswith(("by commas", "control character"))


def layers(start: str = "", owners: str = "alice", name: str = "") -> matching.Ad:
    """The slot's ad, as far as START goes, that pilot.sh would make."""
    script = (
        'CONF[START]=$1 CONF[OWNERS]=$2 CONF[NAME]=$3; start_layers | sed "s/[$](DOLLAR)/\\$/g"'
    )
    text = bash(script, start, owners, name).stdout
    values = dict(line.split(" = ", 1) for line in text.splitlines())
    values["Requirements"] = values.pop("START")
    values |= {"GlideinDraining": "false", "GlideinRetire": "time() + 100"}
    return matching.Ad().with_expressions(GlideinDeadline="time() + 200", **values)


def takes(slot: matching.Ad, **job: matching.Value) -> bool:
    return matching.holds("Requirements", slot, matching.Ad.of(**job))


def test_start_takes_its_owners_jobs_only() -> None:
    odd = 'a b"c\\d$(id)`é'
    slot = layers(owners=f"alice, {odd}")
    assert takes(slot, Owner="alice")
    assert takes(slot, Owner=odd)
    assert not takes(slot, Owner="Alice")
    assert not takes(slot, Owner="mallory")
    assert not takes(slot, Owner="b")
    assert not takes(slot)


@pytest.mark.parametrize(
    ("start", "verdict"),
    [
        ("true", True),
        ("TARGET.Wants == 1", True),
        ("TARGET.Nothing == 1", False),
        ("1", False),
        ("false) || (true", False),
        ("error", False),
        ('TARGET.Cmd == "$(id)"', True),
    ],
)
def test_start_counts_as_nothing_but_true(start: str, verdict: bool) -> None:
    job: dict[str, matching.Value] = {"Wants": 1, "Cmd": "$(id)"}
    assert takes(layers(start), Owner="alice", **job) is verdict
    assert not takes(layers(start), Owner="mallory", **job)


def test_start_refuses_jobs_that_say_they_run_longer_than_life_is_left() -> None:
    slot = layers()
    for attribute, fits, not_so in (
        ("AllowedJobDuration", 100, 300),
        ("AllowedExecuteDuration", 100, 300),
        ("MaxWallTime", 2, 4),
    ):
        assert takes(slot, Owner="alice", **{attribute: fits})
        assert not takes(slot, Owner="alice", **{attribute: not_so})
    retired = slot.with_expressions(GlideinRetire="time() - 1")
    assert not takes(retired, Owner="alice")
    assert not takes(slot.with_values(GlideinDraining=True), Owner="alice")


def test_a_named_pilot_takes_jobs_that_ask_for_it() -> None:
    slot = layers(name="my annex")
    assert takes(slot, Owner="alice", TargetAnnexName="my annex")
    assert not takes(slot, Owner="alice", TargetAnnexName="other")
    assert not takes(slot, Owner="alice")


@pytest.mark.parametrize(
    ("claims", "outcome"),
    [
        ({"sub": "alice@pool", "iss": "pool", "exp": 4102444800}, "PASS token: of alice@pool"),
        ({"sub": "alice@pool"}, "without an end"),
        ({"sub": "alice@pool", "exp": 1000}, "token-time"),
        ({"sub": "alice@pool", "nbf": 4102444800}, "token-time"),
        ({"iss": "pool"}, "names no subject"),
        ({"sub": "alice@pool", "scope": "condor:/READ"}, "token-scope"),
    ],
)
def test_a_token_is_read_before_the_pool_is_asked(
    claims: dict[str, object], outcome: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"\n {token(**claims)} \n")
    script = (
        "CONF[TOKEN_FILE]=$1 DEADLINE=0; trap 'echo \"reason $REASON\"' EXIT; read_token; "
        "inspect_token"
    )
    assert outcome in bash(script, str(file)).stdout


@pytest.mark.parametrize(("mode", "warns"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_a_token_that_others_may_read_is_warned_of(mode: int, warns: int, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(token(sub="alice@pool"))
    file.chmod(mode)
    said = bash("CONF[TOKEN_FILE]=$1 DEADLINE=0; read_token", str(file))
    assert said.returncode == 0
    assert said.stdout.count(f"| chmod 600 {file}") == warns


def test_a_token_that_comes_in_pieces_is_waited_for(tmp_path: Path) -> None:
    begun, rest = (whole := token(sub="alice@pool"))[:9], whole[9:]
    script = """
    exec {NAP}<> <(:); read_token < <(printf %s "$1"; sleep 0.7; echo "$2"); echo "$TOKEN"
    """
    assert bash(script, begun, rest).stdout.strip() == whole


def test_a_closed_standard_input_holds_no_token() -> None:
    said = bash("exec {NAP}<> <(:); read_token <&-")
    assert (said.returncode, said.stderr) == (14, "")
    assert "none was given" in said.stdout


def test_a_named_pipe_is_no_token_file_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    said = bash("CONF[TOKEN_FILE]=$1; read_token", str(tmp_path / "pipe"))
    assert said.returncode == 2
    assert "standard input" in said.stdout
    given = bash("CONF[TOKEN_FILE]=/dev/fd/8; read_token 8< <(echo a.b.c); echo $TOKEN")
    assert given.stdout.strip() == "a.b.c"


@pytest.mark.parametrize("text", ["", "word", "a.b", "a.!.c", "a.b.c.d e", "aaaa.!!!!.cccc"])
def test_what_is_no_token_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    script = "CONF[TOKEN_FILE]=$1 DEADLINE=0; read_token; inspect_token"
    assert bash(script, str(file)).returncode == 14


def cgroup(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


@pytest.mark.parametrize(
    ("self_file", "limits", "given"),
    [
        ("0::/a/b", {"a/memory.max": "1073741824", "a/b/memory.max": "max"}, "1024 64"),
        ("0::/a/b", {"a/cpu.max": "300000 100000", "a/b/memory.max": "536870912"}, "512 3"),
        ("0::/a", {"a/cpu.max": "50000 100000"}, "9999 1"),
        ("4:memory:/j", {"memory/j/memory.limit_in_bytes": "2147483648"}, "2048 64"),
        (
            "3:cpu,cpuacct:/j",
            {"cpu/j/cpu.cfs_quota_us": "200000", "cpu/j/cpu.cfs_period_us": "100000"},
            "9999 2",
        ),
        ("4:memory:/j", {"memory/j/memory.limit_in_bytes": "9223372036854771712"}, "9999 64"),
        ("0::/", {}, "9999 64"),
    ],
)
def test_cgroup_limits_count_along_the_whole_path(
    self_file: str, limits: dict[str, str], given: str, tmp_path: Path
) -> None:
    cgroup(tmp_path, limits)
    (tmp_path / "self").write_text(self_file + "\n")
    script = (
        "CGROUP_ROOT=$1 CGROUP_SELF=$1/self MEMORY_GIVEN=9999 CPUS_GIVEN=64; cgroup_limits; "
        'echo "$MEMORY_GIVEN $CPUS_GIVEN"'
    )
    assert bash(script, str(tmp_path)).stdout.strip() == given


@pytest.mark.parametrize(
    ("self_file", "mount", "limit", "counter"),
    [
        ("4:memory:/a/b/c", "/a {}/memory - cgroup", "memory/b/c/memory.limit_in_bytes",
         "memory/b/c/memory.oom_control"),
        ("4:memory:/a/b", "/a/b {}/memory - cgroup", "memory/memory.limit_in_bytes",
         "memory/memory.oom_control"),
        ("4:memory:/ab/c", "/a {}/memory - cgroup", "memory/ab/c/memory.limit_in_bytes",
         "memory/ab/c/memory.oom_control"),
        ("4:memory:/a/b", "/a {}/memory - ext4", "memory/a/b/memory.limit_in_bytes",
         "memory/a/b/memory.oom_control"),
        ("0::/a/b/c", "/a {} shared:9 - cgroup2", "b/c/memory.max", "b/c/memory.events"),
        ("0::/a/b/c", "/ {} - cgroup2", "a/b/c/memory.max", "a/b/c/memory.events"),
    ],
)  # fmt: skip
def test_a_cgroup_is_found_where_a_part_of_the_tree_is_mounted(
    self_file: str, mount: str, limit: str, counter: str, tmp_path: Path
) -> None:
    cgroup(tmp_path, {limit: "1073741824", counter: "oom_kill_disable 0\noom_kill 7"})
    (tmp_path / "self").write_text(self_file + "\n")
    root, _, rest = mount.format(tmp_path).partition(" ")
    point, _, rest = rest.partition(" ")
    (tmp_path / "mounts").write_text(
        f"25 23 0:23 / {tmp_path}/other rw - cgroup cgroup rw,pids\n"
        f"35 31 0:32 {root} {point} rw,relatime {rest} cgroup rw,memory\n"
    )
    script = (
        "CGROUP_ROOT=$1 CGROUP_SELF=$1/self CGROUP_MOUNTS=$1/mounts MEMORY_GIVEN=9999 "
        'CPUS_GIVEN=64; cgroup_limits; echo "$MEMORY_GIVEN $(oom_kills)"'
    )
    assert bash(script, str(tmp_path)).stdout.split() == ["1024", "7"]


@pytest.mark.parametrize(
    ("slurm", "given"),
    [
        ({"SLURM_CPUS_ON_NODE": "4", "SLURM_MEM_PER_NODE": "8000"}, "4 8000 0"),
        ({"SLURM_CPUS_ON_NODE": "4", "SLURM_MEM_PER_CPU": "1000"}, "4 4000 0"),
        ({"SLURM_CPUS_ON_NODE": "8", "SLURM_CPUS_PER_TASK": "2", "SLURM_MEM_PER_NODE": "8000",
          "SLURM_STEP_TASKS_PER_NODE": "4(x2)"}, "2 2000 0"),
        ({"SLURM_CPUS_PER_TASK": "3", "SLURM_GPUS_ON_NODE": "2", "SLURM_MEM_PER_GPU": "500"},
         "3 1000 2"),
        ({"SLURM_CPUS_ON_NODE": "2", "CUDA_VISIBLE_DEVICES": "0,3"}, "2 99999 2"),
        ({"SLURM_CPUS_ON_NODE": "2", "CUDA_VISIBLE_DEVICES": "NoDevFiles"}, "2 99999 0"),
    ],
)  # fmt: skip
def test_slurm_says_what_was_given(slurm: dict[str, str], given: str) -> None:
    script = (
        "CPUS_GIVEN=64 MEMORY_GIVEN=99999; gpus_given; slurm_limits; "
        'echo "$CPUS_GIVEN $MEMORY_GIVEN $GPUS_GIVEN"'
    )
    said = bash(script, env={**ENV, "SLURM_JOB_ID": "1", **slurm})
    assert said.stdout.strip() == given


def test_no_function_is_longer_than_sixty_lines() -> None:
    bodies = re.findall(r"^\w+\(\) \{\n(.*?)^\}", SCRIPT.read_text(), re.M | re.S)
    lengths = sorted(body.count("\n") for body in bodies)
    assert lengths[-1] <= 60
    assert lengths[len(lengths) // 2] <= 12


def test_what_a_dead_pilot_left_is_swept_wherever_a_pilot_may_work(tmp_path: Path) -> None:
    """Which folder has the most room changes from pilot to pilot."""
    dead, living, mine = (tmp_path / name / f"glidein-{os.getuid()}.ABCDEFGH" for name in "abc")
    script = """HOST=h; boot; birth $$; PLACE=$1; TMPDIR=$2 TMP=$3
    printf '%s\\n%s\\n' "$BOOT" "$$ $BIRTH" >"$3/${1##*/}/owner"
    printf '%s\\n%s\\n' "$BOOT" "4194999 7" >"$2/${1##*/}/owner"
    sweep_all"""
    for each in (dead, living, mine):
        each.mkdir(parents=True)
    said = bash(script, str(mine), str(dead.parent), str(living.parent))
    assert (said.returncode, said.stderr) == (0, "")
    assert (dead.exists(), living.exists(), mine.exists()) == (False, True, True)


def test_of_container_programs_the_named_one_counts_while_it_is_there(tmp_path: Path) -> None:
    script = "PATH=$1:/usr/bin:/bin; CONF[CONTAINERS]=$2; CONF[CONTAINER_SETUP]=$3; find_containers"

    def found(named: str, setup: str = "") -> str:
        return bash(script, str(tmp_path), named, setup).stdout

    assert found("auto") == "\n"
    assert found("/opt/singularity") == "/opt/singularity\n"
    for name in ("apptainer", "singularity"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert found("auto") == f"{tmp_path}/apptainer\n"
    assert found("singularity") == f"{tmp_path}/singularity\n"
    assert found("/opt/singularity") == f"{tmp_path}/apptainer\n"
    assert found("singularity", "module load x") == "singularity\n"
    assert found("no") == ""


def test_what_a_system_sets_up_for_containers_stays_out_of_their_output(tmp_path: Path) -> None:
    (tmp_path / "our own").write_text('#!/bin/sh\necho "version $1"\n')
    (tmp_path / "our own").chmod(0o755)
    setup = f"echo noise\nPATH={tmp_path}:$PATH\necho more >&2"
    script = 'JOB_PATH=/usr/bin:/bin; CONF[CONTAINER_SETUP]=$1; container_script "our own"'
    (tmp_path / "wrapper").write_text(bash(script, setup).stdout)
    said = process.run(["bash", tmp_path / "wrapper", "1 2"], timeout=9, env=ENV)
    assert (said.stdout, said.stderr) == ("version 1 2\n", "noise\nmore\n")


@pytest.mark.parametrize("knobs", ["A", "A = ", "A=b", "9 = x", "use feature:GPUs", "A = b\\",
                                   "A = b\n\nC = d", "A @=end\nx\n@end"])  # fmt: skip
def test_knobs_that_are_no_settings_are_refused(knobs: str) -> None:
    said = bash("CONF[KNOBS]=$1; check_knobs", knobs)
    assert (said.returncode, "KNOBS: " in said.stdout + said.stderr) == (2, True)
    assert bash("CONF[KNOBS]=$1; check_knobs", "A = b\nC.D = $(E) f").returncode == 0


def containers_said(containers: str, *programs: str, folder: Path) -> list[str]:
    for name in programs:
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    script = "PATH=$1; CONF[CONTAINERS]=$2; check_tools"
    said = bash(script, str(folder), containers)
    return [line for line in said.stdout.splitlines() if line.split("\t")[1] == "containers"]


def test_a_host_without_any_container_program_says_so(tmp_path: Path) -> None:
    (line,) = containers_said("auto", folder=tmp_path)
    assert line.startswith("WARN\tcontainers\tthere is no apptainer")
    assert "set CONTAINERS to no" in line
    assert containers_said("no", folder=tmp_path) == []
    assert containers_said("auto", "singularity", folder=tmp_path) == []


def test_a_link_to_a_folder_that_is_gone_is_removed(tmp_path: Path) -> None:
    link = Path(f"/tmp/glidein-link-{os.getuid()}.gonegone")  # where pilots make them
    link.mkdir(mode=0o700)
    try:
        (link / "work").symlink_to(tmp_path)
        assert bash('sweep "$1"', str(tmp_path)).returncode == 0
        assert link.exists()
        (link / "work").unlink()
        (link / "work").symlink_to(tmp_path / "gone")
        assert bash('sweep "$1"', str(tmp_path)).returncode == 0
        assert not link.exists()
    finally:
        shutil.rmtree(link, ignore_errors=True)


def test_what_lives_in_a_folder_is_ended_and_nothing_else(tmp_path: Path) -> None:
    inside, beside = tmp_path / "a b" / "execute", tmp_path / "a b" / "execute2"
    for folder in (inside, beside):
        folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a b")
    script = """
    exec {NAP}<> <(:) {SAYS}>&1 >/dev/null 2>&1 3>&-
    started=()
    sleepers() {
      cd "$1"; env -i setsid sleep 20 {SAYS}>&- & started+=($!)
      cd /; env -i setsid sleep 20 {SAYS}>&- 3>"$1/open" & started+=($!)
    }
    sleepers "$1"; sleepers "$2"
    sleep 0.3; rm "$1/open"; kill_inside "$3/execute"
    for pid in "${started[@]}"; do
      if birth "$pid"; then echo alive >&"$SAYS"; kill -9 "$pid"; else echo gone >&"$SAYS"; fi
    done
    """
    said = bash(script, str(inside), str(beside), str(tmp_path / "link"))
    assert said.stdout.split() == ["gone", "gone", "alive", "alive"], said.stderr


def test_aarch64_without_a_runtime_for_it_says_so(tmp_path: Path) -> None:
    stand_in = tmp_path / "uname"
    stand_in.write_text('#!/bin/sh\n[ "$1" = -m ] && echo aarch64 || echo arm-host\n')
    stand_in.chmod(0o755)
    script = (
        "CONF[RUNTIME]=''; WORK=$1; uptime; trap 'echo \"$REASON $MESSAGE\"' EXIT; find_runtime"
    )
    env = {**ENV, "PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)}
    said = bash(script, str(tmp_path), env=env)
    assert said.returncode == 10
    assert "give -u" in said.stdout


def test_busy_time_is_read_from_the_startds_log_across_halves_and_rotation(tmp_path: Path) -> None:
    script = """
    WORK=$1 LOG=$1/log/StartLog; mkdir "$1/log"; : >"$LOG"; exec {LOG_FD}<"$LOG"
    log() { printf '%s' "$*" >>"$LOG"; read_log; echo "$BUSY $JOBS"; }
    log "slot1_1: Changing activity: Idle -> "
    log "Busy"$'\\n'"slot1_1: Changing activity: Idle -> Busy"$'\\n'
    log "slot1_2: Changing state and activity: Owner/Idle -> Claimed/Busy"$'\\n'
    mv "$LOG" "$LOG.old"; : >"$LOG"; read_log
    log "slot1_1: Changing activity: Busy -> Retiring"$'\\n'
    log "slot1_1: Changing activity: Busy -> Idle"$'\\n'
    log "slot1_2: Changing state and activity: Claimed/Busy -> Preempting/Vacating"$'\\n'
    """
    assert bash(script, str(tmp_path)).stdout.splitlines() == [
        "0 0",
        "1 1",
        "2 2",
        "2 2",
        "1 2",
        "0 2",
    ]


def test_a_job_counts_for_each_core_of_its_slot(tmp_path: Path) -> None:
    script = """
    WORK=$1 LOG=$1/log/StartLog; mkdir "$1/log"; : >"$LOG"; exec {LOG_FD}<"$LOG"
    log() { printf '%s\n' "$@" >>"$LOG"; read_log; }
    ten() { epoch; SINCE[$1]=$((NOW - 10)); slot_changes "$1" Busy/Idle; echo "$BUSY_CORE_S"; }
    log $'01/01/26 slot1_1: \tCpus: 3.000000, Memory: 128, GPUs: 0' 'slot1_1: no Cpus: 08'
    ten slot1_1
    log $'slot1_1: \tCpus: 0.500000, Memory: 128' $'slot1_2: \tCpus: 0.500000, Memory: 128'
    ten slot1_1
    ten slot1_2
    """
    counts = [int(word) for word in bash(script, str(tmp_path)).stdout.split()]
    assert [n // 10 for n in counts] == [3, 4, 5]  # a second more or less is the clock's


def test_the_watchdog_reads_what_the_pilot_noted_and_nothing_that_would_be_run(
    tmp_path: Path,
) -> None:
    script = """
    WORK=$1 CPUS=3 VERSION=25.7.2 HIDDEN=true JOBS=4 BUSY_CORE_S=50 PHASE[runtime]=1.05
    epoch; SINCE[slot1_2]=$((NOW - 10)) CORES[slot1_2]=2; note
    printf '%s\\n' 'JOBS $(touch ran)' 'CPUS a[$(touch ran)]' 'PATH /' 'VERSION $(id)' \
      'BUSY_CORE_S 08' 'CORES slot1_2 08' 'CORES slot1_2 a[$(touch ran)]' \
      'PHASE x 1' 'HIDDEN maybe' 'SINCE slot1_3 x[$(touch ran)]' >>"$1/counters"
    CPUS=0 VERSION='' HIDDEN=false JOBS=0 BUSY_CORE_S=0 PHASE=() SINCE=() CORES=()
    recall; REASON=killed; report
    """
    said = report.reports(bash(script, str(tmp_path)).stdout)[-1]
    assert (said["cores"], said["runtime"], said["token_hidden"]) == (3, "25.7.2", True)
    assert (said["jobs_run"], said["phases"]) == (4, {"runtime": 1.05})
    assert said["busy_core_s"] in (70, 72)
    assert [path.name for path in tmp_path.iterdir()] == ["counters"]


def test_the_pilots_own_shells_are_known_by_their_stage() -> None:
    script = """
    exec {NAP}<> <(:)
    (while :; do read -r -t 9 -u "$NAP" || :; done) & shell=$!
    kill_marked /nowhere; kill -0 $shell && echo lives
    kill_marked /nowhere "$GLIDEIN_STAGE"; wait $shell || echo $?
    """
    stage = {"GLIDEIN_STAGE": f"1 2 test{os.getpid()}"}
    assert bash(script, env=ENV | stage).stdout.split() == ["lives", "137"]


def test_a_master_that_never_appears_is_not_waited_for_for_ever() -> None:
    script = """
    exec {NAP}<> <(:)
    timeout 18 bash -c 'sleep 17; :' >&2 & OUTER=$!; MASTER=$!
    inner_master; read -r name <"/proc/$MASTER/comm"; echo "$name"
    OUTER=$MASTER; until child_of "$OUTER"; do :; done; OUTER=$CHILD
    trap 'kill "$OUTER"; echo "$REASON"' EXIT
    inner_master
    """
    assert bash(script).stdout.split() == ["bash", "daemons"]


def kept_runtime(home: Path) -> Path:
    """Make something like a runtime in that home's cache, with its manifest, and return it."""
    root = home / ".cache/glidein/runtimes/25.7.2-0123456789ab"
    (root / "sbin").mkdir(parents=True)
    for name in ("condor_master", "condor_startd"):
        (root / "sbin" / name).write_text("#!/bin/sh\necho 'CondorVersion: 25.7.2 x'\n")
        (root / "sbin" / name).chmod(0o755)
    (root / "about").write_text("VERSION='25.7.2'\n")
    manifest.write(root)
    return root


@pytest.mark.parametrize("given", ["default", "newest", "by name"])
@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ("", "VERSION 25.7.2"),
        ("echo >>sbin/condor_startd", "sbin/condor_startd: FAILED"),
        ("rm sbin/condor_startd", "sbin/condor_startd"),
        ("sed -i '$d' manifest", "not whole"),
        ("echo half >>manifest", "improperly formatted"),
        ("rm manifest", "manifest"),
    ],
)
def test_a_kept_runtime_is_held_against_its_manifest(
    harm: str, says: str, given: str, tmp_path: Path
) -> None:
    root = kept_runtime(tmp_path)
    if given == "default":
        root.with_name("default").symlink_to(root.name)
    process.run(["sh", "-c", harm], timeout=5, cwd=root)
    (tmp_path / "work/checks").mkdir(parents=True)
    script = """
    WORK=$1/work; exec {NAP}<> <(:) {OUT}>&1; uptime; trap 'echo "$REASON: $MESSAGE"' EXIT
    CONF[RUNTIME]=$2; find_runtime; trap 'echo "VERSION $VERSION"' EXIT
    """
    where = str(root) if given == "by name" else ""
    said = bash(script, str(tmp_path), where, env={**ENV, "HOME": str(tmp_path)})
    assert says in said.stdout
    assert said.returncode == (10 if harm else 0)

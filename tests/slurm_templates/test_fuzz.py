"""No value of any field makes a batch script do anything but what was asked.

Whatever stands in ask, spec, paths and options: the script is refused, or bash can read it, sbatch
reads exactly our options in it, and running it hands exactly these values to the pilot and leaves
nothing anywhere else.
"""

import os
import re
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import event, given, settings
from hypothesis import strategies as st

from glidein import pilotconf, quoting
from glidein.batchask import BatchAsk
from glidein.errors import ConfigError, RenderError
from glidein.model import Request, RuntimeChoice
from glidein.validation import validate
from slurm_templates import batch, planning
from slurm_templates.directives import directives, lead
from slurm_templates.planning import Target
from tests.slurm_templates.asks import SHIPPED
from tests.strategies import specs

PILOT = """\
#!/bin/bash
cp -- "$2" "$GL_TEST_KEEP"
printf 'GLIDEIN-REPORT {"format":1,"reason":"idle","message":"m","exit_code":0,"jobs_run":0}\\n'
"""
# A program that notes that somebody called it; sbatch scripts of one node call none of these.
STANDIN = '#!/bin/bash\nprintf "%s\\n" "$0 $*" >>"$GL_TEST_CALLED"\n'
FETCH = """\
#!/bin/bash
while (($# > 1)); do
  [[ $1 != -o && $1 != -O ]] || out=$2
  shift
done
printf fetched >"$out"
"""
NASTY = (
    "'; touch CANARY; '", '"; touch CANARY; "', "$(touch CANARY)", "`touch CANARY`", "${x:=y}",
    "\ntouch CANARY\n", "\n#SBATCH --wrap=CANARY\n", "\nGLIDEIN_HERE_ENDS\ntouch CANARY\n",
    "GLIDEIN_HERE_ENDS", "a\\", "a\\\n", "${HOME}", "${NOT_SET}", "$HOME", "${a[$(touch CANARY)]}",
    "-rf", "--wrap=touch", "a;touch CANARY", "x #SBATCH", "été", "\u2028", "\r", "\t", "\x1b[2J",
    "\0", "{{ 7 * 7 }}", "%j", "%s%n", "a b", "..", "&", "|touch CANARY", ">CANARY", "!!", "~", "*",
)  # fmt: skip
words = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=12),
    st.builds("{}{}{}".format, st.text("ab/.", max_size=3), st.sampled_from(NASTY), st.text("a ")),
)
# What pilot.conf can hold, and what a path can be: scripts with these are not refused for it.
held = words.map(lambda text: text.replace("\0", "").replace("\r", ""))
paths = held.map(lambda text: text.replace("\n", " "))
plain = st.text("abcXYZ09._-", min_size=1, max_size=8)
numbers = st.integers(-3, 200)
maybe = st.none() | numbers
queues = [
    Target(system, queue)
    for system in SHIPPED.systems.values()
    if system.dialect.value == "Slurm"
    for queue in system.queues
]
asks = st.builds(
    BatchAsk,
    nodes=st.just(1) | numbers,
    jobs=st.just(1) | numbers,
    cpus=maybe,
    memory=maybe,
    gpus=maybe,
    gpu_type=plain | words | st.just(""),
    lifetime=st.integers(-100, 10**7),
    idle_time=maybe,
    project=plain | words | st.just(""),
    options=st.lists(st.tuples(plain | words, plain | words), max_size=2).map(tuple),
    requeue=st.booleans(),
)
tame = st.builds(BatchAsk, cpus=st.integers(1, 99), project=plain)
urls = paths.map(lambda text: f"http://127.0.0.1:9/{text}")


def made(
    ask: BatchAsk, target: Target, request: Request, token: str, work_dir: str
) -> tuple[str, Target]:
    """Return the script, of a system with one node-local folder. Raises RenderError."""
    system = replace(target.system, node_scratch=(work_dir,), setup=())
    target = Target(system, target.queue)
    text = batch.render(planning.script(request, ask, target, token=token, payload=PILOT))
    return text, target


def request_of(spec: object, runtime: RuntimeChoice | None) -> Request:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    return Request("g20261123-000000-0000000000", "batch:local", spec, now, 1, runtime)  # type: ignore[arg-type]


def slurm_reads(text: str) -> list[str]:
    """Return the options as sbatch finds them: lines at the top, before any command."""
    found = []
    for line in text.split("\n"):
        if line.startswith("#SBATCH"):
            found.append(line.removeprefix("#SBATCH "))
        elif line and not line.startswith("#"):
            break
    return found


@given(asks | tame, st.sampled_from(queues), specs(words) | specs(held), paths, paths, words, paths)
@settings(max_examples=100, deadline=None)
def test_a_script_is_refused_or_asks_sbatch_for_exactly_ours(
    ask: BatchAsk, target: Target, spec: object, token: str, runtime: str, sha256: str, scratch: str
) -> None:
    with suppress(RenderError, ConfigError):
        request = request_of(spec, RuntimeChoice(runtime, sha256))
        text, target = made(ask, target, request, token, scratch)
        event("rendered")
        warned = lead(ask, request.spec.grace)
        assert slurm_reads(text) == list(directives(ask, target.system, target.queue, warned))
        assert all(re.fullmatch(r"--[^\s'\"`$\\#;<>]+", each) for each in slurm_reads(text))
        read = subprocess.run(["/bin/bash", "-n"], input=text.encode(errors="surrogateescape"),
                              capture_output=True, check=False)  # fmt: skip
        assert (read.returncode, read.stderr) == (0, b"")


@given(asks, st.sampled_from(queues))
@settings(max_examples=300, deadline=None)
def test_what_validation_lets_through_can_be_rendered(ask: BatchAsk, target: Target) -> None:
    if not validate(ask, target.system, target.queue):
        found = directives(ask, target.system, target.queue, 60)
        assert [quoting.sbatch(each) for each in found] == list(found)


class Machine:
    """A folder with a home, programs that must not be called, and what the pilot was given."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.kept, self.called = folder / "kept", folder / "called"
        programs = folder / "bin"
        for each in (self.home, programs, folder / "cwd", folder / "tmp"):
            each.mkdir()
        for name in ("srun", "scancel", "sbatch", "curl", "wget"):
            (programs / name).write_text(FETCH if name in ("curl", "wget") else STANDIN)
            (programs / name).chmod(0o755)
        self.folder = folder
        self.env = {
            "PATH": f"{programs}:/usr/bin:/bin", "HOME": str(self.home), "SLURM_JOB_ID": "77",
            "SLURM_JOB_END_TIME": "2000000000", "SLURM_MEM_PER_NODE": "1000",
            "GL_TEST_KEEP": str(self.kept), "GL_TEST_CALLED": str(self.called),
            "TMPDIR": str(folder / "tmp"), "LANG": "C.UTF-8",
        }  # fmt: skip

    def run(self, text: str) -> subprocess.CompletedProcess[bytes]:
        script = self.folder / "script"
        script.write_bytes(text.encode(errors="surrogateescape"))
        argv = ["/bin/bash", str(script), "g1-abc"]
        cwd = self.folder / "cwd"
        return subprocess.run(argv, env=self.env, timeout=60, cwd=cwd, capture_output=True,
                              check=False)  # fmt: skip

    def expanded(self, path: str) -> str:
        return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}",
                      lambda found: self.env.get(found[1], ""), path, flags=re.ASCII)  # fmt: skip

    def lay(self, path: str) -> bool:
        """Make a file at a path that is to be read; say whether the machine can hold it."""
        try:
            where = self.expanded(path)
            os.makedirs(os.path.dirname(where), exist_ok=True)  # noqa: PTH103, PTH120 - a/ stays a/
            with open(where, "w") as file:  # noqa: PTH123
                file.write("a.b.c\n")
        except (OSError, ValueError):
            return False
        return True

    def files(self) -> set[str]:
        found = (each for each in self.folder.rglob("*") if not each.is_dir())
        return {os.fsencode(each.relative_to(self.folder)).decode(errors="replace")
                for each in found}  # fmt: skip


def expected_conf(machine: Machine, request: Request, token: str, conf: str, url: bool) -> str:
    """Return the pilot.conf that the pilot must be given, to the byte."""
    place = machine.home / ".local/state/glidein/batch/g1-abc"
    runtime, values = request.runtime, {
        "REQUEST_ID": "g1-abc", "PILOT_INDEX": "0", "PILOT_RESTART": "0",
        "TOKEN_FILE": machine.expanded(token), "DEADLINE": "", "CLAIM_DIR": f"{place}/claims",
    }  # fmt: skip
    where = machine.expanded(runtime.where) if runtime else ""
    if url:
        where = f"{place}/run.77.0.0/runtime.{re.split(r'[?#]', where)[0].rpartition('/')[2]}"
    values |= {"RUNTIME": where} if where else {}
    values |= {"RUNTIME_SHA256": runtime.sha256} if runtime and runtime.sha256 else {}
    return conf + "".join(quoting.conf_line(key, value) for key, value in values.items())


@given(tame, specs(held), paths, urls | paths.map("/nowhere/".__add__), held, paths)
@settings(max_examples=40, deadline=None)
def test_the_pilot_gets_exactly_the_values_and_nothing_else_happens(
    ask: BatchAsk, spec: object, name: str, runtime: str, sha256: str, scratch: str
) -> None:
    url = runtime.startswith("http")
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        token = f"{folder}/tokens/t{name}"
        request = request_of(spec, RuntimeChoice(runtime, "" if url else sha256))
        target = Target(SHIPPED.systems["generic"], SHIPPED.systems["generic"].queues[0])
        try:
            text, _ = made(ask, target, request, token, f"/no\\where{scratch}")
        except RenderError:
            return
        laid = machine.lay(token)
        before = machine.files()
        done = machine.run(text)
        new = {each for each in machine.files() - before if each != "script"}
        assert not machine.called.exists(), machine.called.read_text()
        assert {each for each in new if not each.startswith("home/.local/state/glidein/")} <= {
            "kept"
        }, new
        if not laid:
            assert done.returncode == 14
            return
        event("ran")
        assert (done.returncode, done.stderr) == (0, b""), done
        shared = pilotconf.render(request, 0, pilotconf.Place(""))
        common = "".join(line for line in re.findall(r"[^\n]*\n", shared) if line.partition("=")[0]
                         not in ("REQUEST_ID", "PILOT_INDEX", "PILOT_RESTART", "TOKEN_FILE",
                                 "RUNTIME", "RUNTIME_SHA256"))  # fmt: skip
        kept = re.sub(r"(?m)^DEADLINE='1999\d+'$", "DEADLINE=''", machine.kept.read_text())
        assert kept == expected_conf(machine, request, token, common, url)

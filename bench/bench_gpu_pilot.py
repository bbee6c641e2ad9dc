"""A GPU through a pilot: one command for a machine with an NVIDIA GPU and no network.

    python3 -m bench.bench_gpu_pilot RUNTIME

RUNTIME is a folder of the runtime cache, or a tar of one (`tar -C CACHE -cf runtime.tar ID`), full,
not packed: it serves a whole pool. Nothing but Python 3.11's own library, bash and the NVIDIA
driver is needed. The pool is thrown away at the end.
"""

import argparse
import json
import os
import pwd
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.common import publish
from glidein import process, quoting, report, runtime
from glidein.runtime import Runtime, cache
from glidein.throwaway import PoolOptions, ThrowawayPool

ROOT = Path(__file__).parent.parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
JOB = """\
executable = {python}
arguments = {script}
transfer_executable = False
transfer_input_files = {script_path}
output = {place}/{name}.out
error = {place}/{name}.err
log = {place}/{name}.log
request_cpus = 1
request_memory = 2000M
request_disk = 10M
request_gpus = {gpus}
queue
"""


@dataclass
class Bench:
    """A folder, whom all runs as, and the pool."""

    place: Path
    user: int | None
    pool: ThrowawayPool

    def submit(self, name: str, gpus: int, script: Path) -> str:
        """Submit one job and return its cluster."""
        text = JOB.format(python=sys.executable, script=script.name, script_path=script,
                          place=self.place, name=name, gpus=gpus)  # fmt: skip
        said = self.pool.tool("condor_submit", "-terse", "-", stdin=text, cwd=self.place)
        return said.stdout.split(".")[0]

    def job(self, cluster: str, attribute: str) -> str:
        """Return an attribute of a job, wherever the job is by now."""
        for tool in (["condor_q"], ["condor_history", "-limit", "1"]):
            said = self.pool.tool(tool[0], *tool[1:], cluster, "-af", attribute).stdout.strip()
            if said:
                return said
        return ""


def placed(where: Path, folder: Path) -> Runtime:
    """Return a runtime that lies in `folder`, from a folder or a tar of one."""
    if where.is_file():
        (folder / "carried").mkdir()
        process.run(["tar", "-xf", where, "-C", folder / "carried"], timeout=120)
        where = next(p for p in (folder / "carried").iterdir() if p.is_dir())
    found = cache.load(where)
    return replace(found, root=runtime.copy(found, folder / "runtime"))


def own(path: Path, user: int | None) -> Path:
    """Give a path to whoever plays."""
    if user is not None:
        os.chown(path, user, pwd.getpwuid(user).pw_gid)
    return path


def start_pilot(bench: Bench, idle: int) -> tuple[int, Path]:
    """Start the payload with all GPUs that it finds; return its pid and its log."""
    place = bench.place
    owner = pwd.getpwuid(os.geteuid() if bench.user is None else bench.user).pw_name
    token = place / "token"
    token.write_text(bench.pool.token(owner))
    token.chmod(0o600)
    own(token, bench.user)
    values = {"FORMAT": 1, "REQUEST_ID": "gpu-pilot", "POOL": bench.pool.address, "IDLE": idle,
              "TOKEN_FILE": token, "RUNTIME": bench.pool.runtime.root, "WORK_DIR": place / "work",
              "LIFETIME": 600, "OWNERS": owner}  # fmt: skip
    conf = place / "pilot.conf"
    conf.write_text("".join(quoting.conf_line(k, str(v)) for k, v in values.items()))
    script = place / "pilot.sh"
    shutil.copy(ROOT / "glidein/payload/pilot.sh", script)
    for path in (conf, script):
        path.chmod(0o644)
    env = {name: os.environ[name] for name in ("CUDA_VISIBLE_DEVICES",) if name in os.environ}
    env |= {"PATH": PATH, "HOME": str(place)}
    log = place / "pilot.log"
    argv: list[str | Path] = ["bash", script, "--conf", conf]
    return process.spawn(argv, log=log, env=env, cwd=place, user=bench.user), log


def until(what: Callable[[], bool], limit: float) -> bool:
    """Wait until `what()`; whether it came in time."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return False


def play(bench: Bench, computes: Path, many: int) -> dict[str, Any]:
    """Run the jobs and the pilot; return what was seen."""
    one = bench.submit("one", 1, computes)
    more = bench.submit("more", many, computes)
    began = time.monotonic()
    pid, log = start_pilot(bench, 15)
    done = until(lambda: bench.job(one, "JobStatus") in ("4", "5"), 180)
    ended = time.monotonic() - began
    left = until(lambda: bool(report.reports(log.read_text())) and not process.alive(pid), 120)
    out = (bench.place / "one.out").read_text() if done else ""
    said = (report.reports(log.read_text()) or [{}])[-1]
    return {
        "computed": json.loads(out) if out.strip().startswith("{") else out,
        "job_errors": (bench.place / "one.err").read_text()[-2000:] if done else "not done",
        "seconds_to_result": round(ended, 1),
        "wants_more_status": bench.job(more, "JobStatus"),
        "left": left,
        "report": said,
        "checks": [x.text for x in report.lines(log.read_text()) if "gpus" in x.text],
    }


def main() -> int:
    """Play once and publish; 0 only if all of it was right."""
    parser = argparse.ArgumentParser(description="A GPU job through a pilot, without a network")
    parser.add_argument("runtime", type=Path, help="a folder of the runtime cache, or a tar of it")
    parser.add_argument("--job", type=Path, default=ROOT / "bench" / "gpu_job.py")
    parser.add_argument("--more", type=int, default=2, help="GPUs that the idle job asks for")
    options = parser.parse_args()
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="gpu-", dir="/tmp"))
    folder.chmod(0o755)
    place = folder / "place"
    (place / "work").mkdir(parents=True)
    for path in (place, place / "work"):
        own(path, user)
    try:
        script = place / "job.py"
        shutil.copy(options.job, script)
        script.chmod(0o644)
        found = placed(options.runtime, folder)
        with ThrowawayPool(found, folder / "pool", PoolOptions(user=user)) as pool:
            seen = play(Bench(place, user, pool), script, options.more)
    finally:
        process.kill_all_of(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return verdict(found, options.more, seen)


def verdict(found: Runtime, many: int, seen: dict[str, Any]) -> int:
    """Print the table and say whether all was right."""
    computed, said = seen["computed"], seen["report"]
    waits = seen["wants_more_status"] == "1"
    rows = [
        ("HTCondor", found.version, ""),
        ("pilot's check", "; ".join(seen["checks"]), ""),
        ("job of one GPU computed", json.dumps(computed), _mark(isinstance(computed, dict))),
        ("seconds from pilot's start", seen["seconds_to_result"], ""),
        (f"job of {many} GPUs idle", seen["wants_more_status"], _mark(waits)),
        ("pilot left by itself", said.get("reason"), _mark(said.get("reason") == "idle")),
    ]
    publish("gpu_pilot", ("what", "seen", "right"), rows, **seen)
    wrong = [row for row in rows if row[2] == "no"]
    if wrong:
        print(f"job's errors: {seen['job_errors']}", file=sys.stderr)
    return 1 if wrong else 0


def _mark(right: bool) -> str:
    return "yes" if right else "no"


if __name__ == "__main__":
    sys.exit(main())

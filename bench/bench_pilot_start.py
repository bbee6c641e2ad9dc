"""From exec of a pilot to its first user job running: pilot.sh beside a hand-written minimal pilot.

Both join the same pool, in turn, with one job waiting. Warm: the runtime lies unpacked where the
pilot finds it. Cold: the pilot unpacks the slim tarball. The negotiator's cycle is part of both
and is the larger part of their spread, hence medians over many runs.
"""

import argparse
import os
import pwd
import secrets
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from bench.common import median, publish
from glidein import pilotconf, process, runtime
from glidein.demo import events
from glidein.model import PilotSpec, Request, Resources, RuntimeChoice, new_request_id
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import pools

HERE = Path(__file__).parent
JOB = """\
executable = /bin/sleep
arguments = 600
transfer_executable = False
should_transfer_files = YES
request_cpus = 1
request_memory = 32
request_disk = 1024
log = bench.log
queue
"""
Start = Callable[["Stage", Path, Path], list[str]]


class Stage:
    """A fresh pool and a scratch folder for one pilot."""

    def __init__(self, pool: ThrowawayPool, folder: Path) -> None:
        self.pool = pool
        self.folder = self.give(Path(tempfile.mkdtemp(dir=folder)))
        uid = os.geteuid() if pool.options.user is None else pool.options.user
        self.owner = pwd.getpwuid(uid).pw_name

    def give(self, path: Path) -> Path:
        """Make a path belong to the pool's user."""
        if self.pool.options.user is not None:
            os.chown(path, self.pool.options.user, -1)
        return path

    def once(self, start: Start, where: Path) -> float:
        """Start one pilot with one job waiting; return the seconds to its running."""
        folder = self.folder
        self.give_text(folder / "job.sub", JOB)
        self.pool.tool("condor_submit", "job.sub", cwd=folder)
        token = self.give_text(folder / "token", self.pool.token(self.owner))
        argv = start(self, token, where)
        began = time.time()
        process.spawn(
            argv, log=folder / "log", env={"PATH": "/usr/bin:/bin", "TMPDIR": str(folder)},
            cwd=folder, user=self.pool.options.user,
        )  # fmt: skip
        try:
            return self.first_job(folder) - began
        finally:
            process.kill_all_of(folder)

    def first_job(self, folder: Path) -> float:
        """Wait until the job runs and return when that was."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            text = (folder / "bench.log").read_text() if (folder / "bench.log").exists() else ""
            for event in events.parse(text):
                if event.number == events.EXECUTING:
                    return event.at
            time.sleep(0.05)
        raise SystemExit(f"no job ran:\n{(folder / 'log').read_text()[-3000:]}")

    def give_text(self, path: Path, text: str) -> Path:
        """Write a private file of the pool's user."""
        path.touch(mode=0o600)
        path.write_text(text)
        return self.give(path)


def minimal(stage: Stage, token: Path, where: Path) -> list[str]:
    """Return the command of the hand-written pilot."""
    script = HERE / "minimal_pilot.sh"
    copied = stage.give_text(token.parent / "minimal_pilot.sh", script.read_text())
    pool = str(stage.pool.address)
    return ["bash", str(copied), str(where), pool, str(token), stage.owner, "600"]


def ours(stage: Stage, token: Path, where: Path) -> list[str]:
    """Return the command of the payload."""
    now = datetime.now(UTC)
    spec = PilotSpec(
        pool=stage.pool.address, owners=(stage.owner,), resources=Resources(), idle_time=600
    )
    request = Request(
        id=new_request_id(now, secrets.token_bytes(7)),
        provider="bench",
        spec=spec,
        created=now,
        runtime=RuntimeChoice(str(where)),
    )
    place = pilotconf.Place(str(token), token_remove=True, work_dir=str(token.parent))
    conf = stage.give_text(token.parent / "pilot.conf", pilotconf.render(request, 0, place))
    payload = files("glidein").joinpath("payload/pilot.sh").read_text()
    copied = stage.give_text(token.parent / "pilot.sh", payload)
    return ["bash", str(copied), "--conf", str(conf)]


def main() -> None:
    """Measure warm and cold, in turn, and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    with pools.open_folder("glb-") as folder:
        found = pools.readable_by_all(runtime.get(), folder)
        slim = folder / "slim.tar.gz"
        runtime.pack(found, slim)
        slim.chmod(0o644)
        scratch = folder / "pilots"
        scratch.mkdir(mode=0o777)
        scratch.chmod(0o777)
        options = PoolOptions(user=user, extra={"NEGOTIATOR_INTERVAL": "1"})
        measured: dict[str, dict[str, list[float]]] = {}
        for kind, where in (("warm", found.root), ("cold", slim)):
            figures = measured[kind] = {"pilot.sh": [], "minimal": []}
            for _ in range(runs):
                for name, start in (("minimal", minimal), ("pilot.sh", ours)):
                    # A pool of its own, so that no slot of the last pilot is matched.
                    with pools.pool_of(found, options) as pool:
                        figures[name].append(Stage(pool, scratch).once(start, where))
    rows = []
    for kind, figures in measured.items():
        base = median(figures["minimal"])
        for name, values in figures.items():
            ratio = f"{median(values) / base:.2f}"
            spread = f"{min(values):.2f}-{max(values):.2f}"
            rows.append([kind, name, f"{median(values):.2f}", spread, ratio])
    columns = ["start", "pilot", "seconds", "min-max", "ratio"]
    publish("pilot_start", columns, rows, seconds=measured, limit_warm=1.15)


if __name__ == "__main__":
    main()

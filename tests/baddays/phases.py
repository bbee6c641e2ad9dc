"""Pilots brought into each phase of their life, for tests that then end them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from glidein import process
from glidein.demo import events
from tests.beds.jobs import Desk, Job, processes_with
from tests.beds.pilots import Pilot, Yard, command, wait_until

EARLY = ("starting", "runtime", "unpack", "checks", "join")
LATE = ("idle", "busy", "draining")


@dataclass(frozen=True, slots=True)
class Case:
    """A pilot on its way into a phase, with its job where the phase needs one."""

    phase: str
    pilot: Pilot
    job: Job | None
    mark: str

    def arrive(self) -> "Case":
        """Wait until the phase is reached, and return it."""
        _ARRIVE[self.phase](self)
        return self

    def job_processes(self) -> list[int]:
        return processes_with(self.mark)


def begin(
    phase: str,
    yard: Yard,
    desk: Desk,
    token: str,
    silent: str = "",
    lead: Sequence[str | Path] = (),
) -> Case:
    """Start a pilot of gltest1 that is to be met in that phase; `silent` is a mute port."""
    conf = {"GRACE": "60" if phase == "draining" else "2"} | _hurdle(phase, yard, silent)
    pilot = yard.start(desk.users["gltest1"], token, conf, lead=lead)
    mark = f"600.{pilot.pid}"
    job = None
    if phase in ("busy", "draining"):
        job = desk.submit("gltest1", f"exec sleep {mark}", pilot.only)
    return Case(phase, pilot, job, mark)


def _hurdle(phase: str, yard: Yard, silent: str) -> dict[str, str]:
    """Return what makes a pilot stay in an early phase."""
    if phase == "unpack":
        # Nobody writes into this pipe, so whoever reads the tarball waits.
        pipe = yard.folder / f"pipe{len(list(yard.folder.iterdir()))}"
        os.mkfifo(pipe)
        pipe.chmod(0o644)
        return {"RUNTIME": str(pipe)}
    where = {"runtime": {"RUNTIME": f"http://{silent}/condor.tar.gz"}, "checks": {"POOL": silent}}
    return where.get(phase, {})


def _runs(program: str) -> Callable[[Case], None]:
    """Wait until the pilot runs a program."""

    def arrived(case: Case) -> None:
        def running() -> bool:
            ours = process.all_of(case.pilot.work.parent)
            return any(command(pid).startswith(program) for pid in ours)

        wait_until(running, 30, program)

    return arrived


def _checks(case: Case) -> None:
    wait_until(lambda: list(case.pilot.work.glob("*/checks/ping")), 30, "the checks")


def _join(case: Case) -> None:
    wait_until(lambda: list(case.pilot.work.glob("*/log/MasterLog")), 60, "the daemons")


def _busy(case: Case) -> None:
    assert case.job is not None
    case.job.wait_event(events.EXECUTING)
    case.pilot.wait_for("busy")
    wait_until(case.job_processes, 10, "the job's process")


def _draining(case: Case) -> None:
    _busy(case)
    case.pilot.signal(15)
    case.pilot.wait_for("draining", 10)
    assert case.job_processes()


_ARRIVE: dict[str, Callable[[Case], object]] = {
    "starting": lambda case: case.pilot.wait_for("starting", 20),
    "runtime": _runs("curl"),
    "unpack": _runs("od"),
    "checks": _checks,
    "join": _join,
    "idle": lambda case: case.pilot.wait_for("idle"),
    "busy": _busy,
    "draining": _draining,
}

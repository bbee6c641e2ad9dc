"""The demo's course: get a runtime, start a pool, submit, start pilots, watch, check, clean up."""

import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from glidein import pilotconf, process, report, runtime
from glidein.demo import events, timeline
from glidein.demo.stage import Stage, stage, web_page
from glidein.demo.workflow import Workflow
from glidein.errors import GlideinError
from glidein.host.identity import Identity, family
from glidein.model import PilotSpec, Request, Resources, RuntimeChoice, new_request_id
from glidein.throwaway import PoolOptions, ThrowawayPool

Say = Callable[[str, str], None]


class DemoError(GlideinError):
    """The demo's result is not what it must be; says what differs."""

    exit_code = 40


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the demo is to do: how many fetch-and-count pairs, pilots, and how patient it is.

    `idle_time` and `timeout` are seconds; `runtime` the id of one in the cache, empty: any.
    """

    jobs: int = 1
    pilots: int = 1
    idle_time: int = 10
    timeout: int = 240
    runtime: str = ""


@dataclass(slots=True)
class Course:
    """What is known so far: when each phase began and ended, and what the pilots said."""

    zero: float
    say: Say
    phases: list[timeline.Phase] = field(default_factory=list)

    def phase(self, name: str, began: float) -> None:
        """Close a phase that began at `began` and ends now."""
        self.phases.append(timeline.Phase(name, began - self.zero, time.time() - self.zero))


def run(options: DemoOptions, say: Say) -> timeline.Timeline:
    """Play the demo and return its timeline; raise DemoError unless all of it went right.

    Whatever happens, the pool, the pilots and the folder are gone afterwards.
    """
    course = Course(time.time(), say)
    say("runtime", "looking for an HTCondor")
    if options.runtime:
        found = runtime.checked(runtime.find(options.runtime))
    else:
        found = runtime.get(progress=lambda text: say("runtime", text))
    course.phase("runtime", course.zero)
    say("runtime", f"HTCondor {found.version} ({found.source})")
    began = course.zero
    with stage() as where, web_page() as url:
        play = Play(course, options, where, _reachable(found, where), Workflow(options.jobs, url))
        try:
            line = play.run()
        except KeyboardInterrupt:
            say("clean up", "told to stop, nothing will stay")
            raise
        finally:
            began = time.time()
            with _undisturbed():
                play.clean_up()
    course.phase("clean up", began)
    return replace(line, phases=tuple(course.phases))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no Ctrl-C cut off the cleaning up, which takes seconds and is bounded."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _killed(doomed: set[Identity], seconds: float = 10) -> list[int]:
    """Kill those processes and wait for their end; return the numbers of those that stay."""
    for each in doomed:
        each.signal(signal.SIGKILL)
    until = time.monotonic() + seconds
    while (left := [each.pid for each in doomed if each.alive()]) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def _reachable(found: runtime.Runtime, where: Stage) -> runtime.Runtime:
    """Return a runtime that the stage's user can read: as root ours may be in a closed home."""
    parents = (found.root, *found.root.parents)
    if where.user is None or all(folder.stat().st_mode & 0o001 for folder in parents):
        return found
    return replace(found, root=runtime.copy(found, where.folder / "runtime"))


class Play:
    """One performance on one stage."""

    def __init__(
        self,
        course: Course,
        options: DemoOptions,
        where: Stage,
        found: runtime.Runtime,
        flow: Workflow,
    ) -> None:
        self.course, self.options, self.where = course, options, where
        self.runtime, self.flow = found, flow
        self.dag = where.folder_for_user("dag")
        self.pilots = where.folder_for_user("pilots")
        self.work = where.folder_for_user("work")
        self.claims = where.folder_for_user("claims")
        self.pool = ThrowawayPool(found, where.folder / "pool", PoolOptions(user=where.user))
        self.logs: list[Path] = []
        self.told: dict[Path, int] = {}
        self.started: list[Identity] = []

    def run(self) -> timeline.Timeline:
        """Go through the phases, in order."""
        say, course = self.course.say, self.course
        began = time.time()
        self.pool.start()
        course.phase("pool", began)
        say("pool", f"collector, negotiator and schedd up at {self.pool.address}")
        began = time.time()
        self._submit()
        course.phase("submit", began)
        began = time.time()
        self._start_pilots()
        self._watch()
        course.phase("pilots and jobs", began)
        reports = self._reports()
        runs = events.runs(events.parse(self._read(self.dag / "events.log")))
        self._check_results(reports, runs)
        return timeline.Timeline(
            course.zero, tuple(course.phases), runs, tuple(reports), self._results()
        )

    def clean_up(self) -> None:
        """End the pool, and whatever else still runs of the demo; raise DemoError if that fails.

        Pilots are known by number and start time, and their children by descent: an environment
        that was emptied hides none of them.
        """
        folder = self.where.folder
        self.course.say("clean up", f"ending pool and pilots, removing {folder}")
        mark = f"GLIDEIN_DEMO={folder}"
        doomed = {each for who in self.started for each in family(who, {mark})} | {*self.started}
        try:
            self.pool.stop()
        finally:
            left = {*_killed(doomed), *process.kill_all_of(folder)}
        if left:
            raise DemoError(f"could not end these processes: {', '.join(map(str, left))}")

    def _submit(self) -> None:
        for name, text in self.flow.files().items():
            self.where.write(self.dag / name, text, 0o700 if name.endswith(".sh") else 0o600)
        self.pool.tool("condor_submit_dag", "workflow.dag", cwd=self.dag)
        self.course.say("workflow", f"DAG of {self.flow.jobs} jobs submitted, each with 3 retries")

    def _start_pilots(self) -> None:
        script = self.where.write(
            self.where.folder / "pilot.sh",
            files("glidein").joinpath("payload/pilot.sh").read_text(),
            0o755,
        )
        request = self._request()
        for index in range(self.options.pilots):
            token = self.where.write(
                self.pilots / f"token.{index}", self.pool.token(self.where.owner)
            )
            place = pilotconf.Place(
                str(token), token_remove=True, work_dir=str(self.work), claim_dir=str(self.claims)
            )
            conf = self.where.write(
                self.pilots / f"pilot.{index}.conf", pilotconf.render(request, index, place)
            )
            log = self.where.write(self.pilots / f"pilot.{index}.log", "")
            self.logs.append(log)
            env = {"PATH": "/usr/bin:/bin", "GLIDEIN_DEMO": str(self.where.folder)}
            pid = process.spawn(
                ["bash", script, "--conf", conf],
                log=log, env=env, cwd=self.work, user=self.where.user,
            )  # fmt: skip
            if who := Identity.of(pid):
                self.started.append(who)
        self.course.say("pilot", f"{self.options.pilots} started as request {request.id}")

    def _request(self) -> Request:
        now = datetime.now(UTC)
        spec = PilotSpec(
            pool=self.pool.address,
            owners=(self.where.owner,),
            resources=Resources(gpus=0),
            lifetime=self.options.timeout,
            idle_time=self.options.idle_time,
        )
        return Request(
            id=new_request_id(now, secrets.token_bytes(7)),
            provider="demo",
            spec=spec,
            created=now,
            pilots=self.options.pilots,
            runtime=RuntimeChoice(str(self.runtime.root)),
        )

    def _watch(self) -> None:
        """Tell what happens until every pilot has reported; give up at the time limit."""
        until = time.monotonic() + self.options.timeout
        seen = 0
        while time.monotonic() < until:
            happened = events.parse(self._read(self.dag / "events.log"))
            for event in happened[seen:]:
                self._tell_event(event)
            seen = len(happened)
            self._tell_pilots()
            if len(self._reports()) == self.options.pilots:
                return
            time.sleep(0.1)
        raise DemoError(
            f"the pilots did not leave within {self.options.timeout} s; their last lines:\n"
            + "\n".join(self._read(log)[-2000:] for log in self.logs)
        )

    def _tell_event(self, event: events.JobEvent) -> None:
        words = {
            events.SUBMITTED: "submitted",
            events.EXECUTING: "runs",
            events.TERMINATED: f"ended, returned {event.returned}",
            events.HELD: "held",
            events.ABORTED: "removed",
        }
        if event.number in words:
            self.course.say(f"job {event.job}", words[event.number])

    def _tell_pilots(self) -> None:
        for index, log in enumerate(self.logs):
            text = self._read(log)
            known = list(report.lines(text))
            for line in known[self.told.get(log, 0) :]:
                self.course.say(f"pilot {index}", f"{line.kind.lower()} {line.text}")
            self.told[log] = len(known)

    def _reports(self) -> list[dict[str, Any]]:
        return [found for log in self.logs for found in report.reports(self._read(log))]

    def _results(self) -> dict[str, str]:
        return {name: self._read(self.dag / name) for name in self.flow.expected()}

    def _check_results(
        self, reports: Sequence[dict[str, Any]], runs: Sequence[events.JobRun]
    ) -> None:
        wrong = [
            f"{name} holds {self._results()[name]!r}, not {text!r}"
            for name, text in self.flow.expected().items()
            if self._results()[name] != text
        ]
        wrong += [
            f"pilot {said.get('pilot')} left because of {said.get('reason')!r}, not idleness"
            for said in reports
            if said.get("reason") != "idle"
        ]
        if sum(run.returned == 0 for run in runs) < self.flow.jobs:
            wrong.append(f"only {len(runs)} of {self.flow.jobs} jobs ended well")
        wrong += [f"the pilots left {path.name} behind" for path in self._left_behind()]
        wrong += [f"process {pid} of a pilot stayed" for pid in process.all_of(self.work)]
        if wrong:
            raise DemoError("\n".join(wrong))

    def _left_behind(self) -> list[Path]:
        return [*self.pilots.glob("token.*"), *self.work.iterdir()]

    def _read(self, path: Path) -> str:
        return path.read_text(errors="replace") if path.exists() else ""

"""What Slurm says about batch jobs, read into values. Pure; annex/far/slurm.sh asks.

squeue and sacct are read as JSON, whose shape differs from one Slurm to the next (22.05 writes bare
numbers and words, 24.11 wraps them), or as text where their JSON cannot be had. Whatever cannot be
read is passed over and counted, so that a caller knows that its view is partial.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from glidein.model import RequestState

_QUEUED, _RUNNING, _ENDED = RequestState.QUEUED, RequestState.RUNNING, RequestState.ENDED

# Every state of Slurm's documentation, 20.11 to 25.05 (job state codes of squeue and sacct).
STATES: Mapping[str, RequestState] = {
    "PENDING": _QUEUED,
    "CONFIGURING": _QUEUED,
    "POWER_UP_NODE": _QUEUED,
    "REQUEUED": _QUEUED,
    "REQUEUE_FED": _QUEUED,
    "REQUEUE_HOLD": _QUEUED,
    "RESV_DEL_HOLD": _QUEUED,
    "SPECIAL_EXIT": _QUEUED,
    "RUNNING": _RUNNING,
    "COMPLETING": _RUNNING,
    "EXPEDITING": _RUNNING,
    "RESIZING": _RUNNING,
    "SIGNALING": _RUNNING,
    "STAGE_OUT": _RUNNING,
    "STOPPED": _RUNNING,
    "SUSPENDED": _RUNNING,
    "UPDATE_DB": _RUNNING,
    "BOOT_FAIL": _ENDED,
    "CANCELLED": _ENDED,
    "COMPLETED": _ENDED,
    "DEADLINE": _ENDED,
    "FAILED": _ENDED,
    "LAUNCH_FAILED": _ENDED,
    "NODE_FAIL": _ENDED,
    "OUT_OF_MEMORY": _ENDED,
    "PREEMPTED": _ENDED,
    "RECONFIG_FAIL": _ENDED,
    "REVOKED": _ENDED,
    "TIMEOUT": _ENDED,
}

_WORDS = {
    "BOOT_FAIL": "a node could not be booted",
    "CANCELLED": "it was cancelled",
    "COMPLETED": "its script ended",
    "DEADLINE": "it could not have ended before its deadline",
    "FAILED": "its script ended with a failure",
    "LAUNCH_FAILED": "a node could not start it",
    "NODE_FAIL": "a node it needed failed",
    "OUT_OF_MEMORY": "the kernel ended processes of it for want of memory",
    "PREEMPTED": "another batch job with more right to the nodes took them",
    "TIMEOUT": "its time limit was over before it had ended",
    "SUSPENDED": "it is suspended",
    "STOPPED": "it is stopped",
}


@dataclass(frozen=True, slots=True)
class BatchJob:
    """A batch job, or one task of an array, as Slurm tells of it.

    `state` is Slurm's own word. `reason` is why it is pending. `exit_code` is that of its script;
    None while there is none. Times are None where Slurm knows none.
    """

    id: str
    task: str
    name: str
    state: str
    reason: str = ""
    submitted: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    nodes: str = ""
    exit_code: int | None = None

    @property
    def request_state(self) -> RequestState:
        """Where that leaves a request. A state that is not known is taken for running: that
        neither starts nor removes anything.
        """
        return STATES.get(self.state, RequestState.RUNNING)


def words(state: str) -> str:
    """Return what a state means."""
    if state not in STATES:
        return f"Slurm calls it {state}, which this Glidein does not know"
    return _WORDS.get(state, "")


def squeue_text(text: str) -> tuple[tuple[BatchJob, ...], int]:
    """Read squeue's lines as annex/far/slurm.sh asks for them; return also how many were not."""
    found, odd = [], 0
    for line in filter(None, text.split("\n")):
        fields = line.split("|", 9)
        if len(fields) < 10 or not fields[1].isdecimal():
            odd += 1
            continue
        _, base, task, state, reason, submitted, started, ended, nodes, name = fields
        task = "" if task == "N/A" else task
        reason = "" if reason == "None" else reason
        when = _times(submitted, started, ended)
        found.append(BatchJob(base, task, name, _state(state), reason, *when, nodes))
    return tuple(found), odd


def sacct_text(text: str) -> tuple[tuple[BatchJob, ...], int]:
    """Read sacct's lines as annex/far/slurm.sh asks for them; return also how many were not."""
    found, odd = [], 0
    for line in filter(None, text.split("\n")):
        fields = line.split("|", 7)
        base, _, task = fields[0].partition("_")
        if len(fields) < 8 or not base.partition("+")[0].isdecimal():
            odd += 1
            continue
        _, state, code, submitted, started, ended, nodes, name = fields
        when = _times(submitted, started, ended)
        task = task.strip("[]")
        found.append(BatchJob(base, task, name, _state(state), "", *when, nodes, _code(code)))
    return tuple(found), odd


def squeue_json(text: str) -> tuple[tuple[BatchJob, ...], int]:
    """Read `squeue --json`. Raises ValueError if that is no JSON of squeue's."""
    return _all(_jobs(text), _queued)


def sacct_json(text: str) -> tuple[tuple[BatchJob, ...], int]:
    """Read `sacct --json`. Raises ValueError if that is no JSON of sacct's."""
    return _all(_jobs(text), _accounted)


def _jobs(text: str) -> list[Any]:
    plain = json.loads(text)
    if not isinstance(plain, dict) or not isinstance(plain.get("jobs"), list):
        raise ValueError("no list of jobs in it")
    return list(plain["jobs"])


def _all(jobs: Iterable[Any], read: Any) -> tuple[tuple[BatchJob, ...], int]:
    found, odd = [], 0
    for plain in jobs:
        try:
            found.append(read(plain))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            odd += 1
    return tuple(found), odd


def _queued(plain: Mapping[str, Any]) -> BatchJob:
    base, task = _number(plain.get("array_job_id")), _number(plain.get("array_task_id"))
    waiting = plain.get("array_task_string") or ""
    reason = str(plain.get("state_reason") or "")
    return BatchJob(
        str(base or int(plain["job_id"])),
        str(task) if base and task is not None else str(waiting) if base else "",
        str(plain["name"]),
        _first(plain["job_state"]),
        "" if reason == "None" else reason,
        _epoch(plain.get("submit_time")),
        _epoch(plain.get("start_time")),
        _epoch(plain.get("end_time")),
        str(plain.get("nodes") or ""),
    )


def _accounted(plain: Mapping[str, Any]) -> BatchJob:
    array, time = plain.get("array") or {}, plain["time"]
    base, task = _number(array.get("job_id")), _number(array.get("task_id"))
    return BatchJob(
        str(base or int(plain["job_id"])),
        str(task) if base and task is not None else "",
        str(plain["name"]),
        _first(plain["state"]["current"]),
        "",
        _epoch(time.get("submission")),
        _epoch(time.get("start")),
        _epoch(time.get("end")),
        str(plain.get("nodes") or ""),
        _number((plain.get("exit_code") or {}).get("return_code")),
    )


def _first(state: object) -> str:
    """Return the base state: 24.11 lists it first and the flags after it, 22.05 gives a word.

    A flag that tells more than its base goes before it: COMPLETING, REQUEUED and their like.
    """
    words = [state] if isinstance(state, str) else list(state) if isinstance(state, list) else []
    if not words:
        raise ValueError("no state")
    flags = [str(word) for word in words[1:] if str(word) in STATES]
    return _state(flags[0] if flags else str(words[0]))


def _number(value: object) -> int | None:
    """Return a number that may be bare or wrapped as {set, infinite, number}; None if unset."""
    if isinstance(value, dict):
        return int(value["number"]) if value.get("set") and not value.get("infinite") else None
    return None if value is None else int(str(value))


def _epoch(value: object) -> datetime | None:
    seconds = _number(value)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _times(
    submitted: str, started: str, ended: str
) -> tuple[datetime | None, datetime | None, datetime | None]:
    return _time(submitted), _time(started), _time(ended)


def _time(text: str) -> datetime | None:
    """Return a time as Slurm prints it with SLURM_TIME_FORMAT=%s; None for N/A and Unknown."""
    return datetime.fromtimestamp(int(text), UTC) if text.isdecimal() and int(text) else None


def _state(text: str) -> str:
    """Return the state's first word: sacct writes "CANCELLED by 5001"."""
    return next(iter(text.split()), "UNKNOWN").rstrip("+").upper()


def _code(text: str) -> int | None:
    """Return the exit code of "CODE:SIGNAL"; 128 more than the signal where that ended it."""
    code, _, number = text.partition(":")
    if not code.isdecimal() or not number.isdecimal():
        return None
    return 128 + int(number) if int(number) and not int(code) else int(code)


def by_name(jobs: Iterable[BatchJob]) -> dict[str, list[BatchJob]]:
    """Return the jobs of each request: its id is their name."""
    found: dict[str, list[BatchJob]] = {}
    for job in jobs:
        found.setdefault(job.name, []).append(job)
    return found


def newest(queued: Iterable[BatchJob], accounted: Iterable[BatchJob]) -> Iterator[BatchJob]:
    """Yield each batch job once; what the queue says goes before what accounting says."""
    seen = set()
    for job in (*queued, *accounted):
        if (job.id, job.task) not in seen:
            seen.add((job.id, job.task))
            yield job

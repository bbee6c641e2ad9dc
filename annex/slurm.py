"""What Slurm says about batch jobs, read into values. Pure; annex/far/slurm.sh asks.

squeue and sacct are read as JSON, whose shape differs from one Slurm to the next (22.05 writes bare
numbers and words, 24.11 wraps them), or as text where their JSON cannot be had. Whatever cannot be
read is passed over and counted, so that a caller knows that its view is partial.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from annex import advice
from annex.batchjob import BatchJob, exit_words
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


def where(state: str) -> RequestState:
    """Return what a state means for a request.

    One that is not known is taken for running: that neither starts nor removes anything.
    """
    return STATES.get(state, RequestState.RUNNING)


def says(state: str, reason: str = "", code: int | None = None) -> str:
    """Return a state, its cause and its remedy in words; empty where all is as it should be."""
    if state not in STATES:
        return f"Slurm calls it {state}, which this Glidein does not know"
    if STATES[state] is _QUEUED and reason not in ("", "None"):
        hint = advice.pending(reason)
        return f"{reason}: {hint}" if hint else reason
    failed = exit_words(code) if STATES[state] is _ENDED else ""
    return _WORDS.get(state, "") + failed


@dataclass(frozen=True, slots=True)
class _When:
    submitted: datetime | None
    started: datetime | None
    ended: datetime | None


def _job(
    base: str, task: str, name: str, state: str, told: str, when: _When, nodes: str
) -> BatchJob:
    times = (when.submitted, when.started, when.ended)
    return BatchJob(base, task, name, state, where(state), told, *times, nodes)


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
        when = _When(_time(submitted), _time(started), _time(ended))
        word = _state(state)
        found.append(_job(base, task, name, word, says(word, reason), when, nodes))
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
        when = _When(_time(submitted), _time(started), _time(ended))
        word = _state(state)
        told = says(word, code=_code(code))
        found.append(_job(base, task.strip("[]"), name, word, told, when, nodes))
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


def _all(
    jobs: Iterable[Any], read: Callable[[Mapping[str, Any]], BatchJob]
) -> tuple[tuple[BatchJob, ...], int]:
    found, odd = [], 0
    for plain in jobs:
        try:
            found.append(read(plain))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            odd += 1
    return tuple(found), odd


def _queued(plain: Mapping[str, Any]) -> BatchJob:
    base, task = _number(plain.get("array_job_id")), _number(plain.get("array_task_id"))
    waiting = str(plain.get("array_task_string") or "")
    word = _first(plain["job_state"])
    times = (plain.get(key) for key in ("submit_time", "start_time", "end_time"))
    return _job(
        str(base or int(plain["job_id"])),
        (waiting if task is None else str(task)) if base else "",
        str(plain["name"]),
        word,
        says(word, str(plain.get("state_reason") or "")),
        _When(*(_epoch(each) for each in times)),
        str(plain.get("nodes") or ""),
    )


def _accounted(plain: Mapping[str, Any]) -> BatchJob:
    array, time = plain.get("array") or {}, plain["time"]
    base, task = _number(array.get("job_id")), _number(array.get("task_id"))
    word = _first(plain["state"]["current"])
    code = _number((plain.get("exit_code") or {}).get("return_code"))
    return _job(
        str(base or int(plain["job_id"])),
        str(task) if base and task is not None else "",
        str(plain["name"]),
        word,
        says(word, code=code),
        _When(*(_epoch(time.get(each)) for each in ("submission", "start", "end"))),
        str(plain.get("nodes") or ""),
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

"""What HTCondor says about batch jobs, read into values. Pure; annex/far/condor.sh asks.

condor_q and condor_history both print JSON of the attributes asked for; one that a batch job lacks
is not in it. Whatever cannot be read is passed over and counted, so that a caller knows that its
view is partial.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from annex import condor_advice
from annex.batchjob import BatchJob, exit_words
from glidein.model import RequestState

_QUEUED, _RUNNING, _ENDED = RequestState.QUEUED, RequestState.RUNNING, RequestState.ENDED

# Every JobStatus of HTCondor's documentation and of its newest source. One that is being removed
# may still run; that it ended, it is believed only when it has left the queue.
STATES: Mapping[int, tuple[str, RequestState]] = {
    1: ("IDLE", _QUEUED),
    2: ("RUNNING", _RUNNING),
    3: ("REMOVED", _RUNNING),
    4: ("COMPLETED", _ENDED),
    5: ("HELD", _QUEUED),
    6: ("TRANSFERRING_OUTPUT", _RUNNING),
    7: ("SUSPENDED", _RUNNING),
    8: ("FAILED", _ENDED),
    9: ("BLOCKED", _QUEUED),
    10: ("PREPARING", _QUEUED),
}


def queue(text: str) -> tuple[tuple[BatchJob, ...], int]:
    """Read `condor_q -json`; return also how many were not readable. Raises ValueError."""
    return _all(text, left=False)


def history(text: str) -> tuple[tuple[BatchJob, ...], int]:
    """Read `condor_history -json`; return also how many were not readable. Raises ValueError.

    All in it has left the queue, so all has ended, whatever state it was in.
    """
    return _all(text, left=True)


def _all(text: str, *, left: bool) -> tuple[tuple[BatchJob, ...], int]:
    """With no batch job condor_q prints nothing at all."""
    plain = json.loads(text) if text.strip() else []
    if not isinstance(plain, list):
        raise ValueError("no list of jobs in it")
    found, odd = [], 0
    for each in plain:
        try:
            found.append(_job(each, left=left))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
            odd += 1
    return tuple(found), odd


def _job(plain: Mapping[str, Any], *, left: bool) -> BatchJob:
    status = int(plain["JobStatus"])
    word, where = STATES.get(status, (str(status), RequestState.RUNNING))
    if left:
        where = _ENDED
    began = _time(plain.get("JobCurrentStartDate"))
    return BatchJob(
        id=str(int(plain["ClusterId"])),
        task=str(int(plain["ProcId"])),
        name=str(plain["GlideinRequest"]),
        state=word,
        where=where,
        says=says(plain, left=left),
        submitted=_time(plain.get("QDate")),
        started=began if where is not _QUEUED else None,
        ended=_ended(plain) if where is _ENDED else None,
        nodes=_machine(plain),
    )


def says(plain: Mapping[str, Any], *, left: bool = False) -> str:
    """Return a batch job's state, its cause and its remedy in words; empty where all is well."""
    status = plain.get("JobStatus")
    if not isinstance(status, int) or status not in STATES:
        return f"HTCondor calls it {status}, which this Glidein does not know"
    if status == 3:
        return _removed(plain, left=left)
    if left or STATES[status][1] is _ENDED:
        return _end(plain)
    if status == 5:
        return _cause(f"held: {_text(plain, 'HoldReason')}", _hold(plain))
    if status == 7:
        return "it is suspended"
    if STATES[status][1] is _QUEUED:
        return _idle(plain)
    return ""


def _idle(plain: Mapping[str, Any]) -> str:
    reason = _text(plain, "LastRejMatchReason")
    again = "it was started before and lost its machine; " if plain.get("NumJobStarts") else ""
    return again + _cause(reason, condor_advice.idle(reason)) if reason else again.rstrip("; ")


def _hold(plain: Mapping[str, Any]) -> str:
    code = plain.get("HoldReasonCode")
    return condor_advice.hold(code if isinstance(code, int) else None)


def _removed(plain: Mapping[str, Any], *, left: bool) -> str:
    reason = _text(plain, "RemoveReason")
    if not left:
        return "it is being removed"
    if "PeriodicRemove" in reason:
        held = _hold(plain)
        return held or "its machine was lost or taken away, and it is not started twice"
    return "it was removed" + (f": {reason}" if reason else "")


def _end(plain: Mapping[str, Any]) -> str:
    if plain.get("ExitBySignal") is True:
        return f"its pilot was ended by signal {plain.get('ExitSignal', '?')}"
    code = plain.get("ExitCode")
    if isinstance(code, int) and code:
        return "its script ended with a failure" + exit_words(code)
    return "its script ended"


def _cause(cause: str, remedy: str) -> str:
    return f"{cause}: {remedy}" if remedy else cause


def _text(plain: Mapping[str, Any], key: str) -> str:
    return " ".join(str(plain.get(key, "")).split())


def _machine(plain: Mapping[str, Any]) -> str:
    return str(plain.get("RemoteHost") or plain.get("LastRemoteHost") or "").rpartition("@")[2]


def _ended(plain: Mapping[str, Any]) -> datetime | None:
    return _time(plain.get("CompletionDate")) or _time(plain.get("EnteredCurrentStatus"))


def _time(value: object) -> datetime | None:
    seconds = int(str(value)) if value else 0
    return datetime.fromtimestamp(seconds, UTC) if seconds else None

"""What is known of requests where batch jobs are submitted, joined into one listing. Pure.

Three witnesses: the batch system's queue, its accounting, and the requests' own places with what
their pilots printed. None is believed alone: a batch job that the system has forgotten may have
said in its logs how it ended, and one that nobody remembers is lost, never started again.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from annex.batchjob import BatchJob
from glidein import report
from glidein.model import PilotName, PilotState, RequestState, SeenPilot, SeenRequest

_LOG = re.compile(r"/([a-z][a-z0-9-]{2,47})/run\.[^/]*\.(\d+)/pilot\.(\d+)\.log:(.*)")
_LOG_NAME = re.compile(r"log run\.[^/]*\.(\d+)/pilot\.(\d+)\.log")
_OVER = (PilotState.ENDED, PilotState.NEVER_JOINED, PilotState.LOST)


@dataclass(slots=True)
class Place:
    """A request's place: what lies there beside the logs."""

    id: str
    submitted: str = ""
    cancelled: bool = False
    asking: bool = False
    unreadable: bool = False
    refused: str = ""
    silent: str = ""
    created: datetime | None = None
    pilots: int = 0
    printed: dict[int, tuple[int, list[str]]] = field(default_factory=dict)


def places(said: str, logs: str) -> dict[str, Place]:
    """Read the sections `places` and `pilots` of a look; what is damaged there is left empty."""
    found: dict[str, Place] = {}
    place = Place("")
    for line in said.split("\n"):
        key, _, value = line.partition(" ")
        if key == "place":
            place = found.setdefault(value, Place(value))
        elif key in ("submitted", "refused", "silent"):
            setattr(place, key, value.strip())
        elif key in ("cancelled", "asking", "unreadable"):
            setattr(place, key, True)
        elif key == "request":
            _recall(place, value)
    for line in logs.split("\n"):
        if (match := _LOG.search(line)) and match[1] in found:
            _hear(found[match[1]], int(match[3]), int(match[2]), match[4])
    return found


def _recall(place: Place, text: str) -> None:
    try:
        plain = json.loads(text)
        place.created = datetime.fromisoformat(plain["created"])
        place.pilots = int(plain["pilots"])
    except (ValueError, KeyError, TypeError):
        return


def _hear(place: Place, index: int, restart: int, line: str) -> None:
    """Keep a line of a pilot; a later restart's log replaces an earlier one's."""
    kept, lines = place.printed.get(index, (restart, []))
    if restart > kept:
        kept, lines = restart, []
    if restart == kept:
        lines.append(line)
    place.printed[index] = (kept, lines)


def request(place: Place, jobs: Sequence[BatchJob], *, sure: bool) -> SeenRequest:
    """Return one request. `sure`: both queue and accounting answered, so absence says something."""
    state, reason = _state(place, jobs, sure=sure)
    unseen = not jobs and not sure
    pilots = [
        _pilot(place.id, index, restart, lines, alive=_alive(jobs, index) or unseen)
        for index, (restart, lines) in place.printed.items()
    ]
    silent = [index for index in range(place.pilots) if index not in place.printed]
    begun = [PilotName(place.id, index) for index in silent if _alive(jobs, index)]
    pilots += [SeenPilot(name, PilotState.STARTING) for name in begun]
    starts = [job.started for job in jobs if job.started and job.where is not RequestState.QUEUED]
    ends = [job.ended for job in jobs if job.ended]
    over = state is RequestState.ENDED
    return SeenRequest(
        place.id,
        state,
        remote_id=place.submitted or (jobs[0].id if jobs else ""),
        reason=reason,
        created=place.created,
        started=min(starts, default=None),
        ended=max(ends, default=None) if over else None,
        pilots=tuple(sorted(pilots, key=lambda pilot: pilot.name)),
        facts=_facts(jobs),
    )


def _alive(jobs: Sequence[BatchJob], index: int) -> bool:
    """Whether the batch job a pilot belongs to runs: its own task, if it has one to itself."""
    own = [job for job in jobs if job.task in ("", str(index))] or jobs
    return any(job.where is RequestState.RUNNING for job in own)


def _state(place: Place, jobs: Sequence[BatchJob], *, sure: bool) -> tuple[RequestState, str]:
    states = {job.where for job in jobs}
    # Slurm keeps a record, failed at once, of some batch jobs that it did not take.
    if place.refused and not place.cancelled and states <= {RequestState.ENDED}:
        return RequestState.INTENDED, f"{place.refused}; cancel it, and submit a better one"
    for state in (RequestState.RUNNING, RequestState.QUEUED, RequestState.ENDED):
        if state in states:
            return state, _reason(place, [job for job in jobs if job.where is state])
    if place.cancelled:
        return _stopped(place, sure=sure)
    told = _told(place)
    if told:
        return RequestState.ENDED, f"the batch system has forgotten it; its pilots said: {told}"
    if not place.submitted:
        if place.asking and not sure:
            return RequestState.QUEUED, "whether it was submitted cannot be seen now"
        return RequestState.INTENDED, "its start was cut off; cancel it to remove what is left"
    if not sure:
        return RequestState.QUEUED, "the batch system does not say where it is"
    if place.printed:
        return RequestState.LOST, "the batch system has forgotten it, and its pilots said no end"
    return RequestState.LOST, "the batch system does not know it any more, and it never started"


def _stopped(place: Place, *, sure: bool) -> tuple[RequestState, str]:
    if not sure and (place.submitted or place.asking):
        return RequestState.QUEUED, "it was told to stop; whether it has cannot be seen now"
    return RequestState.ENDED, "stopped"


def _told(place: Place) -> str:
    """Return the reasons the pilots gave, if every one of them reported its end."""
    told = [report.reports("\n".join(lines)) for _, lines in place.printed.values()]
    if not told or not all(told) or len(told) < place.pilots:
        return ""
    return ", ".join(sorted({str(each[-1].get("reason", "?")) for each in told}))


def _reason(place: Place, jobs: Sequence[BatchJob]) -> str:
    if place.cancelled and all(job.where is RequestState.ENDED for job in jobs):
        return "stopped"
    if place.silent and all(job.where is RequestState.ENDED for job in jobs):
        return f"{place.silent}; so the other nodes ended it"
    says = dict.fromkeys(job.says for job in jobs if job.says)
    told = _told(place)
    if told and all(job.where is RequestState.ENDED for job in jobs):
        says = {told: None} | {each: None for each in says if each != "its script ended"}
    return "; ".join(says)


def _pilot(
    request_id: str, index: int, restart: int, lines: Sequence[str], *, alive: bool
) -> SeenPilot:
    text = "\n".join(lines)
    told = report.reports(text)
    state = report.state(text, alive=alive and not told)
    detail = str(told[-1].get("reason", "")) if told else ""
    if not told and state in _OVER:
        failed = [check for check in report.checks(text) if check.verdict == "FAIL"]
        detail = failed[-1].message if failed else "ended without a report: it was killed"
    return SeenPilot(
        PilotName(request_id, index, restart), state, detail, told[-1] if told else None
    )


def _facts(jobs: Sequence[BatchJob]) -> Mapping[str, object]:
    facts: dict[str, object] = {}
    expected = [job.started for job in jobs if job.where is RequestState.QUEUED and job.started]
    if expected:
        facts["expected_start"] = min(expected).isoformat()
    nodes = [job.nodes for job in jobs if job.nodes]
    if nodes:
        facts["nodes"] = ",".join(nodes)
    return facts


def every(
    there: Mapping[str, Place],
    jobs: Mapping[str, Sequence[BatchJob]],
    ours: Callable[[str], bool],
    *,
    sure: bool,
) -> tuple[SeenRequest, ...]:
    """Return every request that has a place or a batch job whose name `ours` knows as an id."""
    known = {name: place for name, place in there.items() if not place.unreadable}
    for name in jobs:
        if name not in there and ours(name):
            known[name] = Place(name, jobs[name][0].id)
    return tuple(request(known[id_], jobs.get(id_, ()), sure=sure) for id_ in sorted(known))


def logs(answer: Mapping[str, str]) -> dict[int, str]:
    """Return the pilots' logs out of the sections of far_logs; of a restarted one the last."""
    found: dict[int, tuple[int, str]] = {}
    for name, text in answer.items():
        if match := _LOG_NAME.fullmatch(name):
            index, restart = int(match[2]), int(match[1])
            if index not in found or found[index][0] <= restart:
                found[index] = (restart, text)
    return {index: text for index, (_, text) in sorted(found.items())}

"""What happened when, read out of HTCondor's job event log and the pilots' own lines. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

# An event starts: number, (cluster.proc.subproc), time as ISO 8601 in UTC with sub-seconds.
_EVENT = re.compile(
    r"^(\d{3}) \((\d+)\.(\d+)\.\d+\) (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)Z? (.*)$",
    re.MULTILINE,
)
_RETURN = re.compile(r"Normal termination \(return value (\d+)\)")
_NODE = re.compile(r"DAG Node: (\S+)")

SUBMITTED, EXECUTING, EVICTED, TERMINATED = "000", "001", "004", "005"
ABORTED, HELD = "009", "012"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One event: its number, the job's id, seconds since 1970, and the event's whole text."""

    number: str
    job: str
    at: float
    text: str

    @property
    def returned(self) -> int | None:
        """What the job returned, if this event says so."""
        found = _RETURN.search(self.text)
        return int(found[1]) if found else None


def parse(text: str) -> tuple[JobEvent, ...]:
    """Return the events of a job event log; one still being written, or garbled, is left out."""
    whole = text[: text.rfind("\n...") + 1]
    starts = list(_EVENT.finditer(whole))
    ends = [match.start() for match in starts[1:]] + [len(whole)]
    return tuple(
        JobEvent(match[1], f"{int(match[2])}.{int(match[3])}", at, whole[match.start() : end])
        for match, end in zip(starts, ends, strict=False)
        if (at := _seconds(match[4], match[5])) is not None
    )


def _seconds(day: str, clock: str) -> float | None:
    try:
        return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job: its DAG node, when it was submitted, started and ended, its return."""

    node: str
    job: str
    submitted: float
    started: float
    ended: float
    returned: int | None


def runs(events: tuple[JobEvent, ...]) -> tuple[JobRun, ...]:
    """Return the finished runs, in order of their end."""
    nodes: dict[str, str] = {}
    submitted: dict[str, float] = {}
    started: dict[str, float] = {}
    found = []
    for event in events:
        if event.number == SUBMITTED:
            node = _NODE.search(event.text)
            nodes[event.job] = node[1] if node else event.job
            submitted[event.job] = event.at
        elif event.number == EXECUTING:
            started[event.job] = event.at
        elif event.number == TERMINATED and event.job in started:
            found.append(
                JobRun(
                    nodes.get(event.job, event.job),
                    event.job,
                    submitted.get(event.job, started[event.job]),
                    started[event.job],
                    event.at,
                    event.returned,
                )
            )
    return tuple(found)

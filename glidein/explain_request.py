"""Why a request runs no job: what became of it, of its pilots, and which idle jobs they would take.

The same matching as for a job, seen from the pilot's side: on the real ad of a pilot that joined,
on the predicted one before.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from glidein import matching, prediction, remedies, report
from glidein.demand import Demand, Shape
from glidein.explain import MOST_REASONS, emptied
from glidein.matching import Ad
from glidein.model import (
    FAIL,
    PASS,
    WARN,
    Finding,
    PilotName,
    PilotState,
    RequestState,
    Resources,
)
from glidein.requests import Row

# A size nobody knows beforehand refuses no job.
_UNKNOWN = Resources(cpus=1 << 20, memory_mb=1 << 40, disk_mb=1 << 40, gpus=1 << 20)


@dataclass(frozen=True, slots=True)
class RequestCase:
    """All that is known of one request: its row, its slots in the pool, what the queue asks for.

    `slots` and `queue` are None where the pool could not be asked; `troubles` says why.
    """

    row: Row
    slots: tuple[Ad, ...] | None = None
    queue: Demand | None = None
    troubles: tuple[str, ...] = ()


def explain_request(case: RequestCase) -> tuple[Finding, ...]:
    """Return the findings up to and with the first FAIL: from the asking to a job on a pilot."""
    found: list[Finding] = []
    for look in (_state, _in_pool, _takers):
        for finding in look(case):
            found.append(finding)
            if finding.verdict == FAIL:
                return tuple(found)
    return tuple(found)


def _state(case: RequestCase) -> Iterator[Finding]:
    row = case.row
    match row.state:
        case RequestState.ENDED:
            yield from _ends(row)
        case RequestState.LOST:
            yield Finding(FAIL, "request", f"it is lost: {row.reason}", f"glidein stop {row.id}")
        case RequestState.INTENDED:
            text = f"it was never started: {row.reason}"
            yield Finding(FAIL, "request", text, "Ask for it again")
        case RequestState.QUEUED:
            yield Finding(WARN, "request", f"{row.provider} has it queued: {row.reason}")
        case RequestState.RUNNING:
            yield Finding(PASS, "request", f"it runs on {row.provider}")
            yield from _fallen(row)


def _ends(row: Row) -> Iterator[Finding]:
    """Yield how each of its pilots ended, in the words of the exit codes."""
    known = {each.reason: each for each in report.EXIT_CODES}
    reports = [pilot.report for pilot in row.pilots if pilot.report]
    told = [str(each.get("reason")) for each in reports]
    words = {str(each.get("reason")): str(each.get("message") or "") for each in reports}
    if not told:
        yield Finding(FAIL, "request", f"it has ended: {row.reason}", f"glidein logs {row.id}")
    for reason, count in Counter(told).most_common():
        code = known.get(reason)
        text = f"it has ended: {count} of its pilots left as {reason}"
        text += f", {code.meaning}" if code else ""
        text += f" ({words[reason]})" if words[reason] else ""
        yield Finding(FAIL, "request", text, code.remedy if code else f"glidein logs {row.id}")


def _fallen(row: Row) -> Iterator[Finding]:
    """Yield why some of its pilots are gone while others run, and why one never joined."""
    known = {each.reason: each for each in report.EXIT_CODES}
    over = (PilotState.ENDED, PilotState.NEVER_JOINED, PilotState.LOST)
    gone = Counter(
        (pilot.state, str(pilot.report["reason"]) if pilot.report else pilot.detail)
        for pilot in row.pilots
        if pilot.state in over
    )
    for (state, reason), count in gone.most_common(MOST_REASONS):
        code = known.get(reason)
        words = "joined and left" if state is PilotState.ENDED else str(state)
        text = f"{count} of its {len(row.pilots)} pilots {words}: {reason or 'nobody knows why'}"
        text += f", {code.meaning}" if code else ""
        remedy = code.remedy if code else f"glidein logs {row.id}"
        fine = code is not None and code.code == 0
        yield Finding(PASS if fine else WARN, "pilots", text, "" if fine else remedy)


def _in_pool(case: RequestCase) -> Iterator[Finding]:
    if case.slots is None:
        said = "; ".join(case.troubles) or "no reason is known"
        yield Finding(WARN, "pool", f"the pool could not be asked: {said}", "glidein check")
    elif case.slots:
        count = len([slot for slot in case.slots if slot.value("DynamicSlot") is not True])
        yield Finding(PASS, "pool", f"{count} of its pilots are in the pool")
    elif case.row.state is RequestState.RUNNING:
        text = "it runs, and no pilot of it is in the pool"
        yield Finding(WARN, "pool", text, f"See its checks: glidein logs {case.row.id}")
    else:
        yield Finding(PASS, "pool", "no pilot of it is there yet")


def _takers(case: RequestCase) -> Iterator[Finding]:
    """Match what the queue asks for with its pilots, real or predicted."""
    if case.queue is None:
        return
    pilots = _pilots(case)
    if not pilots:
        return
    words = "would take" if case.slots else "would take, once they joined,"
    willing = [shape for shape in case.queue.shapes
               if any(matching.matches(shape.ad, pilot) for pilot in pilots)]  # fmt: skip
    if willing:
        jobs, owners = sum(shape.jobs for shape in willing), {shape.owner for shape in willing}
        text = f"its pilots {words} {jobs} idle jobs of {', '.join(sorted(owners))}"
        yield Finding(PASS, "match", text)
        return
    if not case.queue.shapes:
        held = "" if case.queue.complete else f" (not all could be read: {_gaps(case.queue)})"
        yield Finding(FAIL, "match", f"no job is idle in the queue{held}", "Submit jobs")
        return
    yield from _why_not(case.queue, pilots)


def _why_not(queue: Demand, pilots: list[Ad]) -> Iterator[Finding]:
    reasons: Counter[str] = Counter()
    advice: dict[str, str] = {}
    for shape in queue.shapes:
        text, remedy = _first_no(shape, pilots[0])
        reasons[text] += shape.jobs
        advice[text] = remedy
    idle = queue.jobs
    for text, jobs in reasons.most_common(MOST_REASONS):
        yield Finding(FAIL, "match", f"{jobs} of {idle} idle jobs: {text}", advice[text])


def _first_no(shape: Shape, pilot: Ad) -> tuple[str, str]:
    for refusal in remedies.refusals(shape.ad, pilot)[:1]:
        text = f"{refusal} (such as job {shape.example} of {shape.owner})"
        return text, remedies.remedy_for(refusal, shape.ad, pilot)
    return "no clause alone says why", ""


def _pilots(case: RequestCase) -> list[Ad]:
    if case.slots:
        return [emptied(s) for s in case.slots if s.value("DynamicSlot") is not True]
    if case.row.record is None:
        return []
    request = case.row.record.request
    offered = prediction.offered(_UNKNOWN, request.spec.resources)
    if not request.spec.owners:
        return []
    return [
        prediction.predicted_ad(request.spec, offered, datetime.now(UTC), PilotName(request.id))
    ]


def _gaps(queue: Demand) -> str:
    cut = f"jobs of {', '.join(queue.cut)} are of too many shapes" if queue.cut else ""
    return "; ".join(filter(None, (*queue.troubles, cut)))

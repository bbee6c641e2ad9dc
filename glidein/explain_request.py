"""Why a request runs no job: what became of it, of its pilots, and which idle jobs they would take.

The same matching as for a job, seen from the pilot's side: on the real ad of a pilot that joined,
on the predicted one before.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from glidein import explain_row, matching, remedies
from glidein.demand import Demand, Shape
from glidein.explain import emptied
from glidein.explain_row import MOST_REASONS
from glidein.matching import Ad
from glidein.model import FAIL, PASS, WARN, Finding, RequestState
from glidein.requests import Row


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
    for look in (_row, _in_pool, _takers):
        for finding in look(case):
            found.append(finding)
            if finding.verdict == FAIL:
                return tuple(found)
    return tuple(found)


def _row(case: RequestCase) -> Iterator[Finding]:
    return explain_row.became(case.row)


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
    running = sum(slot.value("DynamicSlot") is True for slot in case.slots or ())
    if running:
        yield Finding(PASS, "jobs", f"its pilots run {running} job{'s' * (running > 1)} now")
    words = "would take" if case.slots else "would take, once they joined,"
    willing = [shape for shape in case.queue.shapes
               if any(matching.matches(shape.ad, pilot) for pilot in pilots)]  # fmt: skip
    if willing:
        jobs, owners = sum(shape.jobs for shape in willing), {shape.owner for shape in willing}
        text = f"its pilots {words} {jobs} idle jobs of {', '.join(sorted(owners))}"
        yield Finding(PASS, "match", text)
        return
    if not case.queue.shapes and running:
        return
    if not case.queue.shapes:
        held = "" if case.queue.complete else f" (not all could be read: {_gaps(case.queue)})"
        yield Finding(FAIL, "match", f"no job is idle in the queue{held}", "Submit jobs")
        return
    yield from _why_not(case.queue, pilots, WARN if running else FAIL)


def _why_not(queue: Demand, pilots: list[Ad], verdict: str) -> Iterator[Finding]:
    reasons: Counter[str] = Counter()
    advice: dict[str, str] = {}
    for shape in queue.shapes:
        text, remedy = _first_no(shape, pilots[0])
        reasons[text] += shape.jobs
        advice[text] = remedy
    idle = queue.jobs
    for text, jobs in reasons.most_common(MOST_REASONS):
        yield Finding(verdict, "match", f"{jobs} of {idle} idle jobs: {text}", advice[text])


def _first_no(shape: Shape, pilot: Ad) -> tuple[str, str]:
    for refusal in remedies.refusals(shape.ad, pilot)[:1]:
        text = f"{refusal} (such as job {shape.example} of {shape.owner})"
        return text, remedies.remedy_for(refusal, shape.ad, pilot)
    return "no clause alone says why", ""


def _pilots(case: RequestCase) -> list[Ad]:
    if case.slots:
        return [emptied(s) for s in case.slots if s.value("DynamicSlot") is not True]
    predicted = explain_row.predicted(case.row)
    return [predicted] if predicted else []


def _gaps(queue: Demand) -> str:
    cut = f"jobs of {', '.join(queue.cut)} are of too many shapes" if queue.cut else ""
    return "; ".join(filter(None, (*queue.troubles, cut)))

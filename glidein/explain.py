"""Why a job does not run on a pilot: a list of hops, each with evidence and a next step.

A hop looks at a case and yields findings. They are asked in the order in which a job travels, so
the first FAIL is the true cause; what comes after it could not be reached. Rooms add hops through
the entry point group `glidein.hops`: an object with the attributes of Hop.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import entry_points

from glidein import explain_row, matching, prediction, remedies, report
from glidein.explain_row import MOST_REASONS
from glidein.matching import Ad
from glidein.model import FAIL, PASS, WARN, Finding, RequestState
from glidein.requests import Row

GROUP = "glidein.hops"
_STATES = {1: "idle", 2: "running", 3: "being removed", 4: "completed", 5: "held",
           6: "transferring its output", 7: "suspended"}  # fmt: skip
_IDLE, _RUNNING, _HELD = 1, 2, 5
_NEVER = datetime.min.replace(tzinfo=UTC)
_CATALOG = re.compile("catalog", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of one job: its ad, the pilots' slots, the pool's daemons, our requests.

    `job` is None if no schedd has it. `troubles` says what could not be read. `now` is in seconds
    since 1970; without it no ad is too old.
    """

    job_id: str
    job: Ad | None = None
    schedd: str = ""
    slots: tuple[Ad, ...] = ()
    negotiator: bool = True
    pool_version: str = ""
    rows: tuple[Row, ...] = ()
    troubles: tuple[str, ...] = field(default=())
    now: float | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """One step on a job's way: its place in the order, and what looks at it."""

    order: int
    name: str
    look: Callable[[Case], Iterable[Finding]]


def explain(case: Case, hops: Iterable[Hop] | None = None) -> tuple[Finding, ...]:
    """Return the findings up to and with the first FAIL, in the order of the job's way."""
    found: list[Finding] = []
    for hop in sorted(hops if hops is not None else all_hops(), key=lambda hop: hop.order):
        for finding in hop.look(case):
            found.append(finding)
            if finding.verdict == FAIL:
                return tuple(found)
    return tuple(found)


def all_hops() -> tuple[Hop, ...]:
    """Return the core's hops and those of every installed room."""
    return (*HOPS, *(point.load() for point in entry_points(group=GROUP)))


def in_queue(case: Case) -> Iterator[Finding]:
    """Look for the job in the schedds, and at its state."""
    if case.job is None:
        said = f" ({'; '.join(case.troubles)})" if case.troubles else ""
        yield Finding(
            FAIL,
            "queue",
            f"no schedd of this pool has job {case.job_id}{said}",
            "Look for it with condor_q -all, or condor_history if it has ended",
        )
        return
    status = case.job.integer("JobStatus")
    owner = case.job.string("Owner")
    if status == _HELD:
        reason = case.job.string("HoldReason") or "no reason is given"
        yield Finding(FAIL, "queue", f"it is held: {reason}", f"condor_release {case.job_id}")
    elif status == _RUNNING:
        where = case.job.string("RemoteHost") or "a slot"
        yield Finding(PASS, "queue", f"it runs on {where}, for {owner}")
    elif status != _IDLE:
        yield Finding(FAIL, "queue", f"it is {_STATES.get(status, status)}")
    else:
        yield Finding(PASS, "queue", f"it is idle in {case.schedd}, of {owner}")


def pilots_there(case: Case) -> Iterator[Finding]:
    """Look for pilots in the pool, and for requests that have brought none yet."""
    whole = _whole(case)
    silent = sum(_silent(case, slot) for slot in case.slots)
    if silent:
        quiet = f"{silent} slots were not heard from for {prediction.SILENT} s"
        text = f"{quiet}: their pilots may be gone"
        yield Finding(WARN, "pilots", text, "The pool forgets them by itself; see glidein list")
    if whole:
        yield Finding(PASS, "pilots", f"{len(whole)} in the pool")
        return
    yield from map(explain_row.waits, _waiting(case))
    if not _waiting(case):
        yield from _none_asked(case)


def _none_asked(case: Case) -> Iterator[Finding]:
    """Yield what became of the request made last, if that is why there is no pilot."""
    start = "Start one: glidein run --pool ... --owners ..."
    ended = [row for row in case.rows if row.ended]
    if not ended:
        yield Finding(FAIL, "pilots", "no pilot is in the pool, and none was asked for", start)
        return
    last = max(ended, key=lambda row: row.ended or _NEVER)
    text = f"no pilot is in the pool; the last request, {last.id}:"
    fine = {"", *(each.remedy for each in report.EXIT_CODES if each.code == 0)}
    for finding in explain_row.became(last):
        remedy = start if finding.remedy in fine else finding.remedy
        yield Finding(FAIL, "pilots", f"{text} {finding.message}", remedy)


def _waiting(case: Case) -> list[Row]:
    """Return the requests that may yet bring pilots."""
    live = (RequestState.QUEUED, RequestState.RUNNING)
    here = {slot.string("GlideinRequest") for slot in _whole(case)}
    return [row for row in case.rows if row.state in live and row.id not in here]


def coming(case: Case) -> Iterator[Finding]:
    """Look for a request whose pilots would take the job, where those that are there do not."""
    if case.job is None or case.job.integer("JobStatus") != _IDLE:
        return
    if any(matching.matches(case.job, emptied(slot)) for slot in _whole(case)):
        return
    for row in _waiting(case):
        ad = explain_row.predicted(row)
        if ad is not None and matching.matches(case.job, ad):
            yield explain_row.waits(row)


def matched(case: Case) -> Iterator[Finding]:
    """Match the job with every pilot as it would be with nothing running on it."""
    if case.job is None or case.job.integer("JobStatus") != _IDLE:
        return
    whole = [emptied(slot) for slot in _whole(case)]
    willing = [slot for slot in whole if matching.matches(case.job, slot)]
    if willing:
        yield Finding(PASS, "match", f"{len(willing)} of {len(whole)} pilots would take it")
        return
    reasons: Counter[str] = Counter()
    advice: dict[str, str] = {}
    for slot in whole:
        for refusal in remedies.refusals(case.job, slot)[:1]:
            text = str(refusal)
            reasons[text] += 1
            advice[text] = remedies.remedy_for(refusal, case.job, slot)
    if not reasons:
        yield Finding(FAIL, "match", "no pilot matches, and no clause alone says why")
    for text, count in reasons.most_common(MOST_REASONS):
        yield Finding(FAIL, "match", f"{count} of {len(whole)} pilots: {text}", advice[text])


def same_words(case: Case) -> Iterator[Finding]:
    """Look whether the pool's negotiator can read what newer pilots say of themselves.

    It cannot evaluate attributes of file catalogues that HTCondor 25 puts into slots, and then
    matches nothing, without a word; we can, so the hop before this one has seen a match.
    """
    whole = _whole(case)
    newer = [slot for slot in whole if _foreign(slot) and _newer(slot, case.pool_version)]
    if case.pool_version and newer and len(newer) == len(whole):
        text = f"the pool ({case.pool_version}) is older than the pilots and cannot evaluate"
        remedy = "Set CATALOG_SPACE = 0 in the pilots' configuration, or take an older runtime"
        yield Finding(FAIL, "version", f"{text} their clause {_foreign(newer[0])[0]}", remedy)


def room(case: Case) -> Iterator[Finding]:
    """Look whether a pilot that would take the job has room for it now."""
    if case.job is None or case.job.integer("JobStatus") != _IDLE:
        return
    job = case.job
    free = [slot for slot in _whole(case) if matching.matches(job, slot)]
    if free:
        yield Finding(PASS, "room", f"{len(free)} pilots have room for it now")
    else:
        waits = [explain_row.waits(row).message for row in _waiting(case)]
        remedy = "; ".join(("Wait, or start more pilots: glidein run", *waits))
        yield Finding(FAIL, "room", "every pilot that would take it is busy with others", remedy)


def negotiated(case: Case) -> Iterator[Finding]:
    """Look whether somebody is there who brings job and slot together."""
    if case.job is None or case.job.integer("JobStatus") != _IDLE:
        return
    if not case.negotiator:
        text = "the pool has no negotiator in its collector: nothing is matched"
        yield Finding(FAIL, "negotiator", text, "Tell the pool's administrator")
        return
    tried = case.job.string("LastRejMatchReason")
    if tried:
        yield Finding(WARN, "negotiator", f"it said last: {tried}", "Look at condor_userprio")
    else:
        yield Finding(PASS, "negotiator", "is there; the job waits for its next cycle")


HOPS = (
    Hop(10, "queue", in_queue),
    Hop(40, "pilots", pilots_there),
    Hop(45, "coming", coming),
    Hop(50, "match", matched),
    Hop(55, "version", same_words),
    Hop(60, "room", room),
    Hop(70, "negotiator", negotiated),
)


def _foreign(slot: Ad) -> list[str]:
    """Return the clauses of a slot that speak of catalogues."""
    return [each for each in matching.split(slot.text("WithinResourceLimits"))
            if _CATALOG.search(each)]  # fmt: skip


def _newer(slot: Ad, version: str) -> bool:
    """Whether a slot's HTCondor is newer than that version."""
    return _numbers(matching.version_of(slot.string("CondorVersion"))) > _numbers(version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _whole(case: Case) -> list[Ad]:
    """Return the slots that jobs are matched with: partitionable ones that are still heard from."""
    whole = [slot for slot in case.slots if slot.value("DynamicSlot") is not True]
    return [slot for slot in whole if not _silent(case, slot)]


def _silent(case: Case, slot: Ad) -> bool:
    """Whether a slot's ad is older than a living pilot lets it become."""
    heard = slot.number("LastHeardFrom")
    return case.now is not None and heard is not None and case.now - heard > prediction.SILENT


def emptied(slot: Ad) -> Ad:
    """Return the slot's ad as it would be if nothing ran there."""
    pairs = (("Cpus", "TotalSlotCpus"), ("Memory", "TotalSlotMemory"), ("Disk", "TotalSlotDisk"),
             ("GPUs", "TotalSlotGPUs"))  # fmt: skip
    return slot.with_values(
        **{name: slot.value(total) for name, total in pairs if slot.value(total) is not None}
    )

"""What became of a request and of its pilots, in the words of the exit codes."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from glidein import prediction, report
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
# Of many reasons, the most frequent ones are told.
MOST_REASONS = 3


def became(row: Row) -> Iterator[Finding]:
    """Yield where a request is and why: FAIL where no job will ever run on it."""
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
            yield from fallen(row)


def _ends(row: Row) -> Iterator[Finding]:
    """Yield how each of its pilots ended, in the words of the exit codes."""
    known = {each.reason: each for each in report.EXIT_CODES}
    reports = _reports(row)
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


def _reports(row: Row) -> list[Mapping[str, object]]:
    """Return its pilots' reports: as its provider shows them, else as the ledger kept them."""
    seen = [pilot.report for pilot in row.pilots if pilot.report]
    end = row.record.last("ended") if row.record else None
    return seen or [each for each in (end.data.get("reports", ()) if end else ()) if each]


def fallen(row: Row) -> Iterator[Finding]:
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


def waits(row: Row) -> Finding:
    """Return why a request that lives has brought no pilot yet, as the cause of a job's waiting."""
    worst = max(became(row), key=lambda each: (PASS, WARN, FAIL).index(each.verdict))
    asked = f"Ask again: glidein explain {row.id}"
    if row.state is RequestState.RUNNING and worst.verdict == PASS:
        remedy = f"Its pilots start: see their checks with glidein logs {row.id}"
        return Finding(FAIL, "pilots", f"request {row.id} runs, no pilot has joined yet", remedy)
    return Finding(FAIL, "pilots", f"request {row.id}: {worst.message}", worst.remedy or asked)


def predicted(row: Row) -> Ad | None:
    """Return the ad that a request's pilots would have; None where too little is known of them."""
    if row.record is None or not row.record.request.spec.owners:
        return None
    request = row.record.request
    size = prediction.offered(_UNKNOWN, request.spec.resources)
    return prediction.predicted_ad(request.spec, size, datetime.now(UTC), PilotName(request.id))

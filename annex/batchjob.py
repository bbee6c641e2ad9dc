"""A batch job as its batch system tells of it, whatever the dialect."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from glidein import report
from glidein.model import RequestState


@dataclass(frozen=True, slots=True)
class BatchJob:
    """A batch job, or one task of an array.

    `id` is what its system calls the whole; `name` is the request's id if it is one of ours.
    `state` is the system's own word and `where` what that means for a request; `says` is the
    state, its cause and what to do about it, in words. Times are None where none is known.
    """

    id: str
    task: str
    name: str
    state: str
    where: RequestState
    says: str = ""
    submitted: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    nodes: str = ""


def exit_words(code: int | None) -> str:
    """Return what an exit code of ours means, to be put behind other words; empty for none."""
    if not code:
        return ""
    found = [each for each in report.EXIT_CODES if each.code == code]
    meaning = f" ({found[0].meaning}: {found[0].remedy})" if found else ""
    return f", exit code {code}{meaning}"


def by_name(jobs: Iterable[BatchJob]) -> dict[str, list[BatchJob]]:
    """Return the batch jobs of each request."""
    found: dict[str, list[BatchJob]] = {}
    for job in jobs:
        found.setdefault(job.name, []).append(job)
    return found


def newest(queued: Iterable[BatchJob], accounted: Iterable[BatchJob]) -> Iterator[BatchJob]:
    """Yield each batch job once; what the queue says goes before what accounting says.

    Accounting tells of a batch job whose size changed more than once, the last time last.
    """
    found = {(job.id, job.task): job for job in (*accounted, *queued)}
    yield from found.values()

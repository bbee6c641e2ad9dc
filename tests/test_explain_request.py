"""Why a request runs no job: the first FAIL is the true cause."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from glidein import demand, prediction
from glidein.demand import Demand
from glidein.explain_request import RequestCase, explain_request
from glidein.ledger import Record
from glidein.matching import Ad
from glidein.model import (
    FAIL,
    PASS,
    WARN,
    PilotName,
    PilotSpec,
    PilotState,
    PoolAddress,
    Request,
    RequestState,
    Resources,
    SeenPilot,
    SeenRequest,
)
from glidein.requests import Row

NOW = datetime.now(UTC)
SPEC = PilotSpec(PoolAddress("cm"), ("alice",), resources=Resources(2, 4000, 9999, 0))
JOB = Ad.of(Owner="alice", RequestCpus=1, RequestMemory=100, RequestDisk=10, JobCount=5,
            JobIds="7.0 ... 7.4", Requirements=True)  # fmt: skip
SLOT = prediction.predicted_ad(SPEC, SPEC.resources, NOW, PilotName("g1a"))


def row(state: RequestState = RequestState.RUNNING, *reasons: str, spec: PilotSpec = SPEC) -> Row:
    request = Request("g1a", "host", spec, NOW)
    pilots = tuple(
        SeenPilot(PilotName("g1a", n), PilotState.ENDED, report={"reason": reason})
        for n, reason in enumerate(reasons)
    )
    seen = SeenRequest("g1a", state, pilots=pilots)
    return Row("g1a", "host", state, "some reason", Record(request, (), Path("/nowhere")), seen)


def queue(*jobs: Ad) -> Demand:
    return Demand(demand.merged(demand.shape_of(job, "s") for job in jobs))


def cause(case: RequestCase) -> tuple[str, str, str]:
    last = explain_request(case)[-1]
    return last.verdict, last.subject, f"{last.message} | {last.remedy}"


def test_a_request_whose_pilots_have_work_passes() -> None:
    found = explain_request(RequestCase(row(), (SLOT,), queue(JOB)))
    assert [each.verdict for each in found] == [PASS] * 3
    assert "5 idle jobs of alice" in found[-1].message


def test_a_queued_one_is_matched_by_the_ad_it_would_have() -> None:
    case = RequestCase(row(RequestState.QUEUED), (), queue(JOB.with_values(Owner="bob")))
    verdict, subject, text = cause(case)
    assert (verdict, subject) == (FAIL, "match")
    assert '5 of 5 idle jobs: START of the pilot says no: TARGET.Owner =?= "alice"' in text
    assert "such as job 7.0 of bob" in text
    happy = RequestCase(row(RequestState.QUEUED), (), queue(JOB))
    assert "once they joined" in cause(happy)[2]


def test_sizes_the_request_leaves_open_refuse_nobody() -> None:
    spec = PilotSpec(PoolAddress("cm"), ("alice",))
    big = JOB.with_values(RequestMemory=1 << 30, RequestCpus=500)
    case = RequestCase(row(RequestState.QUEUED, spec=spec), (), queue(big))
    assert cause(case)[0] == PASS


@pytest.mark.parametrize(
    ("state", "reasons", "words"),
    [
        (RequestState.ENDED, ("idle", "idle"), "2 of its pilots left as idle, no job for the idle"),
        (RequestState.ENDED, ("token-scope",), "may not advertise"),
        (RequestState.ENDED, ("never seen before",), "glidein logs g1a"),
        (RequestState.ENDED, (), "it has ended: some reason"),
        (RequestState.LOST, (), "glidein stop g1a"),
        (RequestState.INTENDED, (), "never started"),
    ],
)
def test_what_no_longer_or_never_ran_says_so(
    state: RequestState, reasons: tuple[str, ...], words: str
) -> None:
    verdict, subject, text = cause(RequestCase(row(state, *reasons), (), queue(JOB)))
    assert (verdict, subject) == (FAIL, "request")
    assert words in text


def test_an_empty_queue_and_one_that_cannot_be_read() -> None:
    assert "no job is idle" in cause(RequestCase(row(), (SLOT,), queue()))[2]
    unread = Demand((), troubles=("schedd s: no answer",))
    assert "schedd s: no answer" in cause(RequestCase(row(), (SLOT,), unread))[2]
    blind = explain_request(RequestCase(row(), None, None, ("refused",)))
    assert "the pool could not be asked: refused" in blind[-1].message


def test_a_request_the_ledger_lost_is_told_as_far_as_it_is_known() -> None:
    lost = Row("g1a", "host", RequestState.RUNNING, "", None, None)
    assert [each.subject for each in explain_request(RequestCase(lost, (), queue(JOB)))] == [
        "request", "pool"]  # fmt: skip


def test_pilots_that_fell_while_others_run_are_told_of() -> None:
    found = explain_request(RequestCase(row(RequestState.RUNNING, "idle", "token-time", "idle")))
    fallen = [each for each in found if each.subject == "pilots"]
    assert [each.verdict for each in fallen] == [PASS, WARN]
    assert fallen[0].message.startswith("2 of its 3 pilots joined and left: idle")
    assert "1 of its 3 pilots joined and left: token-time, the token is not" in fallen[1].message
    assert fallen[1].remedy

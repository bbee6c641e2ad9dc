"""HTCondor's words, read into values; what a real HTCondor prints is compared on a real pool."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annex import condor, condor_advice
from annex.condor_dialect import CondorDialect
from glidein import catalogue
from glidein.errors import CapacityError, ProviderError, RejectedError, TransientError
from glidein.model import PilotSpec, PoolAddress, RequestState, Resources

AT = 1795427088
ID = "g20261123-094500-abcdefghjk"
DIALECT = CondorDialect(catalogue.merge(catalogue.shipped()))


def plain(**more: Any) -> dict[str, Any]:
    return {"ClusterId": 7, "ProcId": 1, "GlideinRequest": ID, "JobStatus": 2, "QDate": AT, **more}


def queued(**more: Any) -> Any:
    jobs, odd = condor.queue(json.dumps([plain(**more)]))
    assert odd == 0
    return jobs[0]


def ended(**more: Any) -> Any:
    jobs, odd = condor.history(json.dumps([plain(**more)]))
    assert odd == 0
    return jobs[0]


def test_a_running_job_is_read() -> None:
    job = queued(JobCurrentStartDate=AT, RemoteHost="slot1_1@node.example")
    assert (job.id, job.task, job.name, job.nodes) == ("7", "1", ID, "node.example")
    assert (job.state, job.where, job.says) == ("RUNNING", RequestState.RUNNING, "")
    assert job.submitted == job.started == datetime.fromtimestamp(AT, UTC)
    assert job.ended is None


def test_no_job_is_an_empty_answer() -> None:
    assert condor.queue("") == condor.queue("[\n]\n") == ((), 0)


@pytest.mark.parametrize("text", ["{}", "nonsense", "7", "[", "null"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        condor.queue(text)


@pytest.mark.parametrize(
    ("status", "where"),
    [(1, "queued"), (2, "running"), (3, "running"), (4, "ended"), (5, "queued"), (6, "running"),
     (7, "running"), (8, "ended"), (9, "queued"), (10, "queued"), (11, "running"), (0, "running")],
)  # fmt: skip
def test_every_status_has_its_place(status: int, where: str) -> None:
    assert queued(JobStatus=status).where == where
    assert ended(JobStatus=status).where is RequestState.ENDED


def test_an_unknown_status_says_so() -> None:
    assert queued(JobStatus=77).says == "HTCondor calls it 77, which this Glidein does not know"


def test_a_hold_says_what_to_do() -> None:
    job = queued(JobStatus=5, HoldReason="Error from slot1: too\nlarge", HoldReasonCode=34)
    assert job.says == ("held: Error from slot1: too large: it needed more than it was granted: "
                        "stop it and give more --memory")  # fmt: skip
    assert queued(JobStatus=5, HoldReason="why", HoldReasonCode=9999).says == "held: why"


@pytest.mark.parametrize(
    ("reason", "word"),
    [("no match found ", "no machine that fits"), ("concurrency limit X reached", "as the pool"),
     ("submitter limit exceeded", "as you may"), ("insufficient priority", "nothing is wrong"),
     ("PREEMPTION_REQUIREMENTS == False", "waits for its turn"), ("something new", "something")],
)  # fmt: skip
def test_idleness_is_explained(reason: str, word: str) -> None:
    assert word in queued(JobStatus=1, LastRejMatchReason=reason).says


def test_one_that_lost_its_machine_says_so() -> None:
    assert queued(JobStatus=1, NumJobStarts=1).says == "it was started before and lost its machine"


def test_ends_are_told() -> None:
    assert ended(JobStatus=4, ExitCode=0).says == "its script ended"
    failed = ended(JobStatus=4, ExitCode=22).says
    assert failed.startswith("its script ended with a failure, exit code 22 (the pool did")
    killed = ended(JobStatus=4, ExitBySignal=True, ExitSignal=9)
    assert killed.says == "its pilot was ended by signal 9"
    assert ended(JobStatus=3, RemoveReason="via condor_rm").says == "it was removed: via condor_rm"


def test_one_that_a_rule_of_ours_removed_says_why() -> None:
    rule = "The job attribute PeriodicRemove expression '...' evaluated to TRUE"
    assert "not started twice" in ended(JobStatus=3, RemoveReason=rule).says
    assert "--lifetime" in ended(JobStatus=3, RemoveReason=rule, HoldReasonCode=46).says


def test_times_of_an_end_fall_back_to_the_last_change() -> None:
    at = datetime.fromtimestamp(AT, UTC)
    assert ended(JobStatus=4, CompletionDate=AT).ended == at
    assert ended(JobStatus=3, CompletionDate=0, EnteredCurrentStatus=AT).ended == at


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
FIELDS = ("ClusterId", "ProcId", "GlideinRequest", "JobStatus", "HoldReason", "HoldReasonCode",
          "RemoveReason", "ExitCode", "ExitBySignal", "ExitSignal", "QDate", "NumJobStarts",
          "CompletionDate", "EnteredCurrentStatus", "RemoteHost", "LastRejMatchReason")  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON))
def test_no_answer_raises(answer: list[Any]) -> None:
    text = json.dumps(answer)
    for read in (condor.queue, condor.history):
        jobs, odd = read(text)
        assert len(jobs) + odd == len(answer)


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_one_wrong_field_does_not_hide_the_others(change: dict[str, Any]) -> None:
    jobs, odd = condor.queue(json.dumps([plain(), plain() | change]))
    assert jobs
    assert len(jobs) + odd == 2


@given(st.dictionaries(st.sampled_from(["condor_q", "condor_q-status", "condor_q-complaint",
       "condor_history", "condor_history-status", "machines", "version"]), st.text()))  # fmt: skip
def test_no_text_raises(answer: dict[str, str]) -> None:
    DIALECT.read(answer)
    DIALECT.check(answer, "here")
    DIALECT.offer(PilotSpec(PoolAddress("h", 1), ("o",)), answer)


def test_a_queue_that_did_not_answer_is_a_partial_view() -> None:
    silent = DIALECT.read({"condor_q": "", "condor_q-status": "1", "condor_q-complaint": "no\nway"})
    assert silent.why == "condor_q did not answer: no way"
    assert DIALECT.read({}).why
    cut = {"condor_q": "", "condor_q-status": "0", "condor_history-status": "1"}
    assert DIALECT.read(cut).why == "condor_history did not answer: it said nothing"
    assert DIALECT.read({"condor_q": "", "condor_q-status": "0"}).why == ""


def test_the_queue_goes_before_the_history() -> None:
    answer = {"condor_q": json.dumps([plain()]), "condor_q-status": "0",
              "condor_history": json.dumps([plain(JobStatus=4), plain(ProcId=2, JobStatus=4)]),
              "condor_history-status": "0"}  # fmt: skip
    found = {job.task: job.where for job in DIALECT.read(answer).jobs}
    assert found == {"1": RequestState.RUNNING, "2": RequestState.ENDED}


def test_an_offer_counts_what_fits_on_each_machine() -> None:
    rows = {"machines": "8\t16000\t2\ta\n4\t1000\t0\tb\nundefined\tundefined\tundefined\tc"}
    spec = PilotSpec(PoolAddress("h", 1), ("o",), resources=Resources(2, 2000, None, 0))
    assert DIALECT.offer(spec, rows).pilots == 4
    gpus = PilotSpec(PoolAddress("h", 1), ("o",), resources=Resources(1, 100, None, 1))
    assert DIALECT.offer(gpus, rows).pilots == 2


@pytest.mark.parametrize(
    ("said", "kind"),
    [("ERROR: Can't find address of local schedd", TransientError),
     ("ERROR: Failed to connect to local queue manager\nAUTHENTICATE:1003", RejectedError),
     ("Number of submitted jobs would exceed MAX_JOBS_PER_OWNER", CapacityError),
     ("ERROR: no batch jobs are taken today", RejectedError), ("", RejectedError)],
)  # fmt: skip
def test_refusals_have_their_kind(said: str, kind: type[ProviderError]) -> None:
    error = condor_advice.refusal(said, "launch")
    assert type(error) is kind
    assert str(error).startswith("launch: ")

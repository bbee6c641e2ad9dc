"""Slurm's words, read into values; what real Slurms print is compared on the Slurm bed."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annex import advice, batchjob, slurm
from glidein.errors import CapacityError, RejectedError, TransientError
from glidein.model import RequestState

AT = datetime.fromtimestamp(1795427088, UTC)


def test_squeues_lines_are_read() -> None:
    text = (
        "7|7|N/A|PENDING|Priority|1795427088|N/A|N/A||g20261123-094500-abcdefghjk\n"
        "9_3|8|3|RUNNING|None|1795427088|1795427089|1795430000|c[0-2]|a|b\n"
        "slurm_load_jobs error: something\n"
    )
    (waiting, task), odd = slurm.squeue_text(text)
    assert odd == 1
    assert (waiting.id, waiting.task, waiting.where) == ("7", "", RequestState.QUEUED)
    assert waiting.name == "g20261123-094500-abcdefghjk"
    assert waiting.says == "Priority: nothing is wrong; it waits for its turn"
    assert (waiting.submitted, waiting.started) == (AT, None)
    assert (task.id, task.task, task.name, task.nodes) == ("8", "3", "a|b", "c[0-2]")
    assert task.says == ""


def test_saccts_lines_are_read() -> None:
    text = (
        "8_3|CANCELLED by 5001|0:15|1795427088|1795427088|1795427088|c1|n\n"
        "9|FAILED|22:0|1795427088|1795427088|Unknown|c1|n\n"
        "10|RESIZING|0:0|1795427088|1795427088|1795427088|c[0-2]|n\n"
        "10|COMPLETED|0:0|1795427088|1795427088|1795427088|c0|n\n"
        "sacct: error: Slurm accounting storage is disabled\n"
    )
    jobs, odd = slurm.sacct_text(text)
    assert odd == 1
    assert [job.state for job in jobs] == ["CANCELLED", "FAILED", "RESIZING", "COMPLETED"]
    assert jobs[0].task == "3"
    assert jobs[1].says.startswith("its script ended with a failure, exit code 22 (the pool did")
    assert [job.state for job in batchjob.newest((), jobs)][-1] == "COMPLETED"
    assert len(list(batchjob.newest((), jobs))) == 3


def test_the_queue_goes_before_accounting() -> None:
    queued, _ = slurm.squeue_text("7|7|N/A|RUNNING|None|0|0|0|c1|n\n")
    done, _ = slurm.sacct_text("7|PENDING|0:0|0|0|0||n\n8|COMPLETED|0:0|0|0|0||n\n")
    found = {job.id: job.state for job in batchjob.newest(queued, done)}
    assert found == {"7": "RUNNING", "8": "COMPLETED"}


def test_both_shapes_of_json_say_the_same() -> None:
    old = {
        "job_id": 9, "array_job_id": 8, "array_task_id": 3, "array_task_string": "",
        "name": "n", "job_state": "PENDING", "state_reason": "Resources", "submit_time": 1795427088,
        "start_time": 0, "end_time": 0, "nodes": "",
    }  # fmt: skip
    new = {
        **old,
        "array_job_id": {"set": True, "infinite": False, "number": 8},
        "array_task_id": {"set": True, "infinite": False, "number": 3},
        "job_state": ["PENDING"],
        "submit_time": {"set": True, "infinite": False, "number": 1795427088},
        "start_time": {"set": True, "infinite": False, "number": 0},
        "end_time": {"set": False, "infinite": False, "number": 0},
    }
    read = [slurm.squeue_json(json.dumps({"jobs": [each]})) for each in (old, new)]
    assert read[0] == read[1]
    assert read[0][0][0].task == "3"
    assert read[0][0][0].submitted == AT


def test_a_flag_tells_more_than_its_base() -> None:
    plain = {"job_id": 1, "name": "n", "job_state": ["RUNNING", "COMPLETING"]}
    (job,), _ = slurm.squeue_json(json.dumps({"jobs": [plain]}))
    assert job.state == "COMPLETING"


def test_a_state_nobody_knows_starts_and_removes_nothing() -> None:
    (job,), _ = slurm.squeue_text("7|7|N/A|LEVITATING|None|0|0|0|c1|n\n")
    assert job.where is RequestState.RUNNING
    assert "LEVITATING" in job.says


@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    slurm.squeue_text(text)
    slurm.sacct_text(text)
    advice.pending(text)
    advice.refusal(text, "it")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(
    ["job_id", "name", "job_state", "state", "time", "array", "exit_code", "submit_time", "nodes"]
), json_values))  # fmt: skip
def test_no_json_raises_but_value_error(plain: dict[str, object]) -> None:
    for read in (slurm.squeue_json, slurm.sacct_json):
        assert sum(map(len, [read(json.dumps({"jobs": [plain]}))[0]])) <= 1
        with pytest.raises(ValueError, match=r"."):
            read("{")


@pytest.mark.parametrize(
    ("said", "kind", "word"),
    [
        ("sbatch: error: Batch job submission failed: Invalid account or account/partition "
         "combination specified", RejectedError, "--project"),
        ("sbatch: error: invalid partition specified: nosuch", RejectedError, "sinfo"),
        ("sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job "
         "violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
         CapacityError, "fewer"),
        ("sbatch: error: Batch job submission failed: Requested time limit is invalid (missing or "
         "exceeds some limit)", RejectedError, "--lifetime"),
        ("sbatch: error: Batch job submission failed: Requested node configuration is not "
         "available", RejectedError, "--memory"),
        ("sbatch: error: Memory specification can not be satisfied", RejectedError, "--memory"),
        ("sbatch: error: Invalid generic resource (gres) specification", RejectedError, "--gpus"),
        ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
         TransientError, "repeat"),
        ("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
         TransientError, "repeat"),
    ],
)  # fmt: skip
def test_refusals_name_who_must_act_and_how(said: str, kind: type, word: str) -> None:
    error = advice.refusal(said, "the submit failed")
    assert type(error) is kind
    assert word in str(error)
    assert "sbatch: error" not in str(error)


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("Priority", "turn"), ("(Resources)", "turn"), ("AssocGrpCPUMinutesLimit", "balance"),
        ("QOSMaxJobsPerUserLimit", "as much as you may"), ("AssocGrpNodeLimit", "your project"),
        ("QOSGrpBillingMinutes", "balance"), ("QOSMaxNodePerJobLimit", "ask for less"),
        ("ReqNodeNotAvail, UnavailableNodes:c[1-2]", "maintenance"), ("JobHeldUser", "release"),
        ("PartitionTimeLimit", "--lifetime"), ("InvalidAccount", "--project"),
        ("BeginTime", "begin"), ("launch failed requeued held", "holds"),
    ],
)  # fmt: skip
def test_pending_reasons_become_advice(reason: str, word: str) -> None:
    assert word in advice.pending(reason)


def test_an_unknown_reason_is_shown_as_it_is() -> None:
    (job,), _ = slurm.squeue_text("7|7|N/A|PENDING|MoonPhase|0|0|0||n\n")
    assert job.says == "MoonPhase"

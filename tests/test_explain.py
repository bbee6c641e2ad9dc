"""Explain names the true cause first. Cases are real ads' shapes; the real pool is in newcomer."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest

from glidein import explain
from glidein.explain import Case
from glidein.ledger import Event, Record
from glidein.matching import Ad
from glidein.model import (
    FAIL,
    PASS,
    Finding,
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

SLOT = """[ Name = "slot1@g1a.0.0@host"; PartitionableSlot = true; Cpus = 4; TotalSlotCpus = 4;
  Memory = 4000; TotalSlotMemory = 4000; Disk = 1000000; TotalSlotDisk = 1000000; GPUs = 0;
  GlideinDraining = false; GlideinRetire = 9999999999; GlideinDeadline = 9999999999;
  GlideinStartOwners = TARGET.Owner =?= "alice";
  GlideinStartExtra = true;
  GlideinStartLife = time() + (TARGET.AllowedJobDuration ?: 0) <= GlideinDeadline;
  Start = (MY.GlideinStartOwners =?= true) && (MY.GlideinStartExtra =?= true) &&
    (MY.GlideinStartLife =?= true) && (MY.GlideinDraining =?= false) ]"""
JOB = """[ Owner = "alice"; JobStatus = 1; RequestCpus = 1; RequestMemory = 100; RequestDisk = 10;
  Requirements = (TARGET.Cpus >= RequestCpus) && (TARGET.Memory >= RequestMemory) &&
    (TARGET.Disk >= RequestDisk) ]"""


def row(state: RequestState, *pilots: SeenPilot, gpus: int = 0, kind: str = "") -> Row:
    created = datetime(2026, 11, 23, 6, tzinfo=UTC)
    spec = PilotSpec(PoolAddress("cm"), owners=("alice",), resources=Resources(gpus=gpus))
    request = Request("g1a", "batch:local", spec, created)
    events = (Event(kind, created, {"reason": "it is over"}),) if kind else ()
    record = Record(request, events, Path("/nowhere"))
    seen = SeenRequest("g1a", state, "17", "", pilots=pilots) if pilots else None
    return Row("g1a", "batch:local", state, "Priority: others go first", record, seen)


def cause(case: Case) -> tuple[str, str, str]:
    last = explain.explain(case, explain.HOPS)[-1]
    return last.verdict, last.subject, last.message + " | " + last.remedy


def case(job: str = JOB, slot: str = SLOT, **more: object) -> Case:
    return Case("7.0", Ad(job), "schedd", (Ad(slot),), **more)  # type: ignore[arg-type]


def test_a_healthy_job_passes_every_hop() -> None:
    found = explain.explain(case(), explain.HOPS)
    assert {each.verdict for each in found} == {PASS}
    assert [each.subject for each in found] == ["queue", "pilots", "match", "room", "negotiator"]


def test_no_schedd_has_it() -> None:
    assert cause(Case("7.0"))[:2] == (FAIL, "queue")


def test_a_held_job_is_told_by_its_reason() -> None:
    held = JOB.replace("JobStatus = 1", 'JobStatus = 5; HoldReason = "no such file"')
    assert "no such file" in cause(case(held))[2]


def test_without_pilots_the_waiting_request_is_named() -> None:
    assert "none was asked for" in cause(Case("7.0", Ad(JOB)))[2]
    said = cause(Case("7.0", Ad(JOB), rows=(row(RequestState.QUEUED),)))[2]
    assert "request g1a: batch:local has it queued: Priority: others go first" in said
    assert "glidein explain g1a" in said


def test_a_pilot_that_started_and_did_not_join_is_told_with_the_check_that_failed() -> None:
    gone = SeenPilot(PilotName("g1a"), PilotState.NEVER_JOINED, report={"reason": "token-time"})
    said = cause(Case("7.0", Ad(JOB), rows=(row(RequestState.RUNNING, gone),)))[2]
    assert "request g1a: 1 of its 1 pilots never joined: token-time" in said
    assert "make a new one" in said
    starts = SeenPilot(PilotName("g1a"), PilotState.STARTING)
    said = cause(Case("7.0", Ad(JOB), rows=(row(RequestState.RUNNING, starts),)))[2]
    assert "no pilot has joined yet | Its pilots start: see their checks" in said


def test_without_any_pilot_what_became_of_the_last_request_is_told() -> None:
    said = cause(Case("7.0", Ad(JOB), rows=(row(RequestState.ENDED, kind="ended"),)))[2]
    assert "the last request, g1a: it has ended: Priority" in said
    kept = row(RequestState.ENDED)
    assert kept.record is not None
    event = Event("ended", kept.record.request.created, {"reports": [{"reason": "token-time"}]})
    told = dataclasses.replace(kept, record=dataclasses.replace(kept.record, events=(event,)))
    assert "left as token-time" in cause(Case("7.0", Ad(JOB), rows=(told,)))[2]
    for reason, remedy in (("idle", "Start one"), ("token-time", "make a new one")):
        left = SeenPilot(PilotName("g1a"), PilotState.ENDED, report={"reason": reason})
        rows = (row(RequestState.ENDED, left, kind="ended"),)
        assert f" | {remedy}" in cause(Case("7.0", Ad(JOB), rows=rows))[2]


def test_a_job_that_only_a_waiting_request_would_take_waits_for_that() -> None:
    wants = JOB.replace("TARGET.Disk >= RequestDisk", "TARGET.GPUs >= 1")
    verdict, subject, said = cause(case(wants, rows=(row(RequestState.QUEUED, gpus=1),)))
    assert (verdict, subject) == (FAIL, "pilots")
    assert "others go first" in said
    verdict, subject, said = cause(case(wants, rows=(row(RequestState.QUEUED),)))
    assert (verdict, subject) == (FAIL, "match")


def test_of_a_full_pool_the_request_that_is_on_its_way_is_named() -> None:
    full = SLOT.replace(" Cpus = 4;", " Cpus = 0;")
    verdict, subject, said = cause(case(slot=full, rows=(row(RequestState.QUEUED),)))
    assert (verdict, subject) == (FAIL, "room")
    assert "others go first" in said


@pytest.mark.parametrize(
    ("old", "new", "clause", "remedy"),
    [
        ("RequestMemory = 100", "RequestMemory = 99999", "RequestMemory", "--memory"),
        ("RequestCpus = 1;", "RequestCpus = 64;", "RequestCpus", "--cpus"),
        ('Owner = "alice"', 'Owner = "bob"', 'TARGET.Owner =?= "alice"', "--owners bob"),
        (
            "RequestDisk = 10;",
            "RequestDisk = 10; AllowedJobDuration = 99999999999;",
            "AllowedJobDuration",
            "--lifetime",
        ),
    ],
)
def test_the_clause_that_says_no_is_named(old: str, new: str, clause: str, remedy: str) -> None:
    verdict, subject, text = cause(case(JOB.replace(old, new)))
    assert (verdict, subject) == (FAIL, "match")
    assert clause in text
    assert remedy in text


def test_a_full_pilot_is_no_mismatch() -> None:
    verdict, subject, text = cause(case(slot=SLOT.replace(" Memory = 4000", " Memory = 10")))
    assert (verdict, subject) == (FAIL, "room")
    assert "busy" in text


def test_a_pool_without_negotiator_is_the_cause_when_all_else_is_well() -> None:
    assert cause(case(negotiator=False))[:2] == (FAIL, "negotiator")


def test_a_hop_of_another_room_takes_its_place_in_the_order() -> None:
    def look(_: Case) -> list[Finding]:
        return [Finding(FAIL, "batch", "it waits for priority")]

    hops = (*explain.HOPS, explain.Hop(30, "batch", look))
    found = explain.explain(case(), hops)
    assert [each.subject for each in found] == ["queue", "batch"]


def test_a_pool_older_than_the_pilots_clause_is_the_cause() -> None:
    limits = "WithinResourceLimits = MY.Cpus > 0 && size(TARGET.Catalogs ?: {}) <= SUM_OF_CATALOGS"
    newer = f'[ CondorVersion = "$CondorVersion: 25.14.1 2026-10-01 $"; {limits};'
    skewed = SLOT.replace("[", newer, 1)
    verdict, subject, text = cause(case(slot=skewed, pool_version="23.9.6"))
    assert (verdict, subject) == (FAIL, "version")
    assert "SUM_OF_CATALOGS" in text
    assert "CATALOG_SPACE" in text
    assert cause(case(slot=skewed, pool_version="25.14.1"))[0] == PASS
    assert cause(case(slot=skewed))[0] == PASS


def test_a_pilot_that_is_not_heard_from_any_more_vouches_for_nothing() -> None:
    heard = SLOT.replace("[ Name", "[ LastHeardFrom = 1000; Name")
    assert cause(case(slot=heard, now=1100.0))[0] == PASS
    assert cause(case(slot=heard, now=2000.0))[:2] == (FAIL, "pilots")

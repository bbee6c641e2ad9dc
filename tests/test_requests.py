from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from glidein import requests, starting
from glidein.errors import TransientError
from glidein.fakes import FakeProvider, FakeSite
from glidein.ledger import Ledger
from glidein.model import PilotSpec, PoolAddress, Request, RequestState

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def request(identifier: str, provider: str = "fake") -> Request:
    return Request(identifier, provider, PilotSpec(PoolAddress("cm")), NOW)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "state")


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("t")
    return path


def states(ledger: Ledger, provider: FakeProvider) -> dict[str, str]:
    rows, _ = requests.join(ledger, requests.listings([provider])[0])
    return {row.id: f"{row.state}: {row.reason}".rstrip(": ") for row in rows}


def test_ledger_and_listing_are_joined(ledger: Ledger, token: Path) -> None:
    fake = FakeProvider()
    for name in ("gone-run", "gone-end", "gone-lost", "gone-stop"):
        starting.start(ledger, fake, request(name), token)
    fake.site.finish("gone-end")
    fake.site.forget("gone-lost")
    starting.stop(ledger, fake, "gone-stop")
    fake.site.forget("gone-stop")
    ledger.intend(request("gone-only"))
    fake.launch(request("gone-stray"), token)
    ledger.intend(request("gone-far", "annex:bridges2"))
    ledger.append("gone-far", "seen", NOW, state="queued", reason="Priority")
    assert states(ledger, fake) == {
        "gone-run": "running",
        "gone-end": "ended: idle",
        "gone-lost": "lost: fake does not know it any more",
        "gone-stop": "ended: stopped",
        "gone-only": "intended: nothing came back from its provider",
        "gone-stray": "running",
        "gone-far": "queued: Priority",
    }


def test_an_incomplete_listing_loses_nothing(ledger: Ledger, token: Path) -> None:
    fake = FakeProvider()
    starting.start(ledger, fake, request("gone-run"), token)
    fake.hidden.add("gone-run")
    assert states(ledger, fake)["gone-run"].startswith("queued")
    fake.hidden.clear()
    fake.fail_next("list", TransientError("no route"))
    found, troubles = requests.listings([fake])
    assert not found["fake"].complete
    assert troubles == ("fake: no route",)


def test_a_start_that_failed_is_recorded_and_can_be_repeated(ledger: Ledger, token: Path) -> None:
    fake = FakeProvider(next_error=TransientError("cut"))
    with pytest.raises(TransientError):
        starting.start(ledger, fake, request("gone-run"), token)
    assert states(ledger, fake)["gone-run"] == "intended: start failed: cut"


def test_only_what_ended_long_ago_is_forgotten(ledger: Ledger, token: Path) -> None:
    fake = FakeProvider()
    for name in ("gone-run", "gone-old"):
        starting.start(ledger, fake, request(name), token)
    fake.site.finish("gone-old")
    rows, _ = requests.join(ledger, requests.listings([fake])[0])
    assert requests.prune(ledger, rows, NOW - timedelta(days=30)) == ()
    later = datetime.now(UTC) + timedelta(days=1)
    assert requests.prune(ledger, rows, later) == ("gone-old",)
    assert [record.request.id for record in ledger.all()[0]] == ["gone-run"]


def test_an_answer_that_was_lost_is_adopted(token: Path) -> None:
    site = FakeSite()
    fake = FakeProvider(site)
    fake.fail_next("launch", TransientError("cut"), went_through=True)
    with pytest.raises(TransientError):
        fake.launch(request("gone-run"), token)
    assert FakeProvider(site).launch(request("gone-run"), token) == "fake-1"
    assert site.running == 1
    assert [call.method for call in fake.calls] == ["launch"]


def test_the_fakes_clock_is_whatever_it_is_given(token: Path) -> None:
    fake = FakeProvider(clock=lambda: NOW)
    fake.launch(request("gone-run"), token)
    assert fake.list().requests[0].started == NOW
    assert fake.calls[0].at == NOW
    assert fake.list().requests[0].state is RequestState.RUNNING


def kinds(ledger: Ledger, identifier: str) -> list[str]:
    return [event.kind for event in ledger.read(identifier).events]


def noted(ledger: Ledger, provider: FakeProvider) -> tuple[str, ...]:
    rows, _ = requests.join(ledger, requests.listings([provider])[0])
    return requests.note_all(ledger, rows)


def test_the_asking_is_recorded_before_it(ledger: Ledger, token: Path) -> None:
    fake = FakeProvider()
    fake.fail_next("launch", TransientError("cut"))
    with pytest.raises(TransientError):
        starting.start(ledger, fake, request("gone-cut"), token)
    starting.start(ledger, fake, request("gone-good"), token)
    assert kinds(ledger, "gone-cut") == ["intended", "asked", "failed"]
    assert kinds(ledger, "gone-good") == ["intended", "asked", "answered"]


def test_what_is_new_is_recorded_and_an_end_once(ledger: Ledger, token: Path) -> None:
    fake = FakeProvider()
    starting.start(ledger, fake, request("gone-one"), token)
    for _ in range(3):
        assert noted(ledger, fake) == ()
    assert kinds(ledger, "gone-one") == ["intended", "asked", "answered", "seen"]
    seen = ledger.read("gone-one").events[-1]
    assert seen.data["state"] == "running"
    fake.site.finish("gone-one")
    for _ in range(3):
        noted(ledger, fake)
    starting.note_end(ledger, fake, "gone-one")
    assert kinds(ledger, "gone-one")[3:] == ["seen", "ended"]
    assert ledger.read("gone-one").events[-1].data["reports"] == [
        dict(fake.site.requests["gone-one"].pilots[0].report or {})
    ]


def test_a_stopped_request_gets_its_reports_too(ledger: Ledger, token: Path) -> None:
    fake = FakeProvider()
    starting.start(ledger, fake, request("gone-one"), token)
    starting.stop(ledger, fake, "gone-one")
    noted(ledger, fake)
    assert kinds(ledger, "gone-one")[3:] == ["cancelled", "ended"]


def test_what_cannot_be_recorded_is_said(ledger: Ledger, token: Path) -> None:
    fake = FakeProvider()
    starting.start(ledger, fake, request("gone-one"), token)
    rows, _ = requests.join(ledger, requests.listings([fake])[0])
    ledger.prune("gone-one")
    (trouble,) = requests.note_all(ledger, rows)
    assert "gone-one" in trouble

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glidein.errors import ConfigError, LedgerError, NotFoundError
from glidein.ledger import Ledger
from glidein.model import PilotSpec, PoolAddress, Request
from tests import strategies

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def request(identifier: str = "gone-two", at: datetime = NOW) -> Request:
    return Request(identifier, "host", PilotSpec(PoolAddress("cm")), at)


@given(asked=strategies.requests(strategies.wild_text), note=strategies.wild_text)
@settings(max_examples=60, deadline=None)
def test_what_was_intended_is_read_back(asked: Request, note: str) -> None:
    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder))
        ledger.intend(asked)
        ledger.append(asked.id, "answered", NOW, remote_id=note)
        record = Ledger(Path(folder)).read(asked.id)
        assert record.request == asked
        assert [event.kind for event in record.events] == ["intended", "answered"]
        last = record.last("answered")
        assert last is not None
        assert last.data["remote_id"] == note
        assert last.at == NOW
        assert record.last("ended") is None


@given(cut=st.integers(0, 2000), tail=st.binary(max_size=30))
@settings(max_examples=60, deadline=None)
def test_whatever_was_cut_off_the_next_line_is_read(cut: int, tail: bytes) -> None:
    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder))
        path = ledger.intend(request()) / "events.jsonl"
        whole = path.stat().st_size
        ledger.append("gone-two", "answered", NOW, remote_id="x" * 300)
        data = path.read_bytes()[: max(whole, min(cut, path.stat().st_size))]
        path.write_bytes(data + tail.replace(b"\n", b""))
        ledger.append("gone-two", "ended", NOW)
        record = ledger.read("gone-two")
        assert record.request == request()
        assert record.last("ended") is not None
        assert record.damaged <= 1


def test_one_id_is_intended_once_however_many_try(tmp_path: Path) -> None:
    def attempt(_: int) -> bool:
        try:
            Ledger(tmp_path).intend(request())
        except LedgerError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(8))) == 1
    assert [each.name for each in Ledger(tmp_path).folder.iterdir()] == ["gone-two"]


def test_appends_of_many_writers_are_all_there(tmp_path: Path) -> None:
    Ledger(tmp_path).intend(request())
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(lambda n: Ledger(tmp_path).append("gone-two", "seen", NOW, n=n), range(200))
        )
    record = Ledger(tmp_path).read("gone-two")
    assert record.damaged == 0
    assert sorted(e.data["n"] for e in record.events[1:]) == list(range(200))


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    folder = Ledger(tmp_path).intend(request())
    for path in (folder.parent, folder):
        assert path.stat().st_mode & 0o777 == 0o700
    assert (folder / "events.jsonl").stat().st_mode & 0o777 == 0o600


def test_one_bad_folder_hides_no_other(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.intend(request("glater-one", NOW + timedelta(hours=1)))
    ledger.intend(request())
    (ledger.intend(request("gbad-one")) / "events.jsonl").write_bytes(b"\0\xff{}")
    (ledger.folder / "Stray Folder").mkdir()
    (ledger.folder / "a file").touch()
    records, troubles = ledger.all()
    assert [record.request.id for record in records] == ["gone-two", "glater-one"]
    assert len(troubles) == 2
    assert "gbad-one" in " ".join(troubles)


def test_a_newer_format_is_refused_in_words(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    path = ledger.intend(request()) / "events.jsonl"
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, "format": 2}) + "\n")
    with pytest.raises(LedgerError, match="newer Glidein"):
        ledger.read("gone-two")


def test_unknown_and_impossible_ids(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with pytest.raises(NotFoundError):
        ledger.read("gnobody")
    with pytest.raises(NotFoundError):
        ledger.append("gnobody", "ended", NOW)
    with pytest.raises(ConfigError):
        ledger.read("../gnobody")
    assert ledger.all() == ((), ())


def test_a_folder_that_cannot_be_made_is_a_ledger_error(tmp_path: Path) -> None:
    (tmp_path / "requests").touch()
    with pytest.raises(LedgerError, match="cannot be written"):
        Ledger(tmp_path).intend(request())
    with pytest.raises(LedgerError, match="cannot be read"):
        Ledger(tmp_path).all()


def test_prune_forgets_one_and_keeps_the_rest(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.intend(request())
    ledger.intend(request("gother-one"))
    ledger.prune("gone-two")
    ledger.prune("gone-two")
    assert [record.request.id for record in ledger.all()[0]] == ["gother-one"]
    assert len(list(ledger.folder.iterdir())) == 1


def test_sweep_removes_what_killed_writers_left_only_when_old(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.intend(request())
    for name, age in ((".draft-old", 7200), (".draft-new", 0)):
        (ledger.folder / name).mkdir()
        at = datetime.now(UTC).timestamp() - age
        os.utime(ledger.folder / name, (at, at))
    ledger.sweep(datetime.now(UTC) - timedelta(hours=1))
    assert {each.name for each in ledger.folder.iterdir()} == {"gone-two", ".draft-new"}

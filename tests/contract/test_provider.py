"""What the protocol promises (glidein.provider), held against every place in PLACES."""

import dataclasses
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glidein.errors import ConfigError, NotFoundError, ProviderError, RejectedError
from glidein.model import PilotName, PilotState, RequestState, Resources
from glidein.provider import Provider
from tests.contract.places import Place, until

UNKNOWN = "gnobody-knows-this"
HOSTILE = ("o'brien", 'a "b" c', "$(touch x)`id`", "zoë ☃", "back\\slash", "two\nlines")


def test_it_is_a_provider(place: Place) -> None:
    assert isinstance(place.provider, Provider)
    assert place.provider.name
    assert place.client().name == place.provider.name


def test_offer_starts_nothing_and_says_a_size(place: Place) -> None:
    before = place.provider.list().requests
    offer = place.provider.offer(place.spec())
    assert offer.pilots > 0
    assert offer.resources.cpus == 1
    assert offer.reason
    assert place.provider.list().requests == before


def test_offer_for_more_than_there_is_is_no_pilot(place: Place) -> None:
    spec = dataclasses.replace(place.spec(), resources=Resources(cpus=100_000))
    assert place.provider.offer(spec).pilots == 0


def test_check_speaks_in_verdicts_and_starts_nothing(place: Place) -> None:
    before = place.provider.list().requests
    findings = place.provider.check()
    assert {each.verdict for each in findings} <= {"PASS", "WARN", "FAIL"}
    assert all(each.subject and each.message for each in findings)
    assert all(each.remedy for each in findings if each.verdict != "PASS")
    assert place.provider.list().requests == before


def test_launch_starts_one_pilot_that_is_listed(place: Place) -> None:
    request = place.request()
    remote = place.provider.launch(request, place.token)
    assert remote
    assert until(lambda: place.running(request.id) == 1)
    listing = place.provider.list()
    assert listing.complete
    seen = listing.find(request.id)
    assert seen is not None
    assert seen.state in (RequestState.QUEUED, RequestState.RUNNING)
    assert seen.remote_id == remote
    assert seen.created == request.created


def test_a_client_that_remembers_nothing_sees_the_same(place: Place) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    settled = ([PilotState.IDLE], [PilotState.JOINED])
    assert until(lambda: _pilot_states(place, request.id) in settled)
    # A pilot may go on from joined to idle between the two looks.
    assert until(
        lambda: place.client().list().find(request.id) == place.provider.list().find(request.id)
    )


def test_launch_repeated_adopts(place: Place) -> None:
    request = place.request()
    first = place.provider.launch(request, place.token)
    assert place.provider.launch(request, place.token) == first
    assert place.client().launch(request, place.token) == first
    assert until(lambda: place.running(request.id) == 1)


def test_launch_by_many_clients_at_once_starts_one(place: Place) -> None:
    request = place.request()
    barrier = threading.Barrier(6)

    def launch(client: Provider) -> str:
        barrier.wait()
        return client.launch(request, place.token)

    with ThreadPoolExecutor(6) as threads:
        answers = set(threads.map(launch, [place.client() for _ in range(6)]))
    assert len(answers) == 1
    assert until(lambda: place.running(request.id) == 1)
    place.provider.cancel(request.id)
    assert place.leftovers(request.id) == []


def test_launch_of_what_ended_starts_nothing(place: Place) -> None:
    request = place.request()
    first = place.provider.launch(request, place.token)
    assert until(lambda: _begun(place, request.id))
    place.finish(request.id)
    assert place.client().launch(request, place.token) == first
    assert place.running(request.id) == 0


def test_launch_after_a_failed_launch_starts_one(place: Place) -> None:
    request = place.request()
    with place.failing(), pytest.raises(ProviderError):
        place.provider.launch(request, place.token)
    assert place.running(request.id) == 0
    place.provider.launch(request, place.token)
    assert until(lambda: place.running(request.id) == 1)


def test_a_failed_launch_can_be_cancelled(place: Place) -> None:
    request = place.request()
    with place.failing(), pytest.raises(ProviderError):
        place.provider.launch(request, place.token)
    place.provider.cancel(request.id)
    assert place.running(request.id) == 0
    assert place.leftovers(request.id) == []


def test_several_pilots_have_their_own_names(place: Place) -> None:
    request = place.request(pilots=3)
    place.provider.launch(request, place.token)
    assert until(lambda: place.running(request.id) == 3)
    seen = place.provider.list().find(request.id)
    assert seen is not None
    assert [each.name for each in seen.pilots] == [PilotName(request.id, i) for i in range(3)]
    place.provider.cancel(request.id)
    assert place.running(request.id) == 0
    assert place.leftovers(request.id) == []


def test_cancel_ends_it_and_leaves_nothing(place: Place) -> None:
    request, other = place.request(), place.request()
    place.provider.launch(request, place.token)
    place.provider.launch(other, place.token)
    place.client().cancel(request.id)
    assert place.running(request.id) == 0
    assert until(lambda: place.running(other.id) == 1)
    place.client().cancel(other.id, fast=True)
    assert place.running(other.id) == 0
    assert place.leftovers(request.id) == []
    seen = place.provider.list().find(request.id)
    assert seen is None or seen.state is RequestState.ENDED


def test_cancel_of_what_is_gone_is_success(place: Place) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    place.provider.cancel(request.id)
    place.provider.cancel(request.id)
    place.client().cancel(request.id, fast=True)
    ended = place.request()
    place.provider.launch(ended, place.token)
    assert until(lambda: _begun(place, ended.id))
    place.finish(ended.id)
    place.provider.cancel(ended.id)
    assert place.leftovers(ended.id) == []


def test_cancel_of_what_never_was_is_success(place: Place) -> None:
    place.provider.cancel(UNKNOWN)
    assert place.provider.list().find(UNKNOWN) is None


def test_a_cancelled_id_is_spent(place: Place) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    place.provider.cancel(request.id)
    with pytest.raises(RejectedError):
        place.client().launch(request, place.token)
    assert place.running(request.id) == 0


def test_cancel_during_launch_leaves_nothing_running(place: Place) -> None:
    first = place.request()
    began = time.monotonic()
    place.provider.launch(first, place.token)
    took = time.monotonic() - began
    place.provider.cancel(first.id, fast=True)
    for each in range(place.rounds):  # from the first moment of a launch to its last
        request = place.request()
        barrier = threading.Barrier(2)

        def launch() -> bool:
            barrier.wait()  # noqa: B023 - joined within the round
            try:
                place.client().launch(request, place.token)  # noqa: B023
            except ProviderError:
                return False
            return True

        with ThreadPoolExecutor(1) as thread:
            launched = thread.submit(launch)
            barrier.wait()
            time.sleep(took * each / place.rounds)
            place.client().cancel(request.id, fast=True)
        if launched.result():  # it came wholly after the cancel of what never was, or before it
            place.client().cancel(request.id, fast=True)
        assert until(lambda: place.running(request.id) == 0, 3)  # noqa: B023
        assert place.leftovers(request.id) == []


def test_the_end_is_told_with_its_report(place: Place) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    assert until(lambda: _begun(place, request.id))
    place.finish(request.id)
    seen = place.provider.list().find(request.id)
    assert seen is not None
    assert seen.state is RequestState.ENDED
    assert [each.state for each in seen.pilots] == [PilotState.ENDED]
    assert seen.pilots[0].report is not None
    assert seen.pilots[0].report["request"] == request.id
    assert seen.reason


def test_a_death_without_a_word_is_no_life(place: Place) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    place.vanish(request.id)
    seen = place.provider.list().find(request.id)
    assert seen is not None
    assert seen.state in (RequestState.ENDED, RequestState.LOST)
    assert seen.reason
    assert {each.state for each in seen.pilots} <= {PilotState.LOST, PilotState.NEVER_JOINED}


def test_a_listing_that_is_half_blind_says_so(place: Place) -> None:
    hidden, other = place.request(), place.request()
    place.provider.launch(hidden, place.token)
    place.provider.launch(other, place.token)
    with place.half_blind(hidden.id):
        listing = place.provider.list()
        assert not listing.complete
        assert listing.why
        assert listing.find(hidden.id) is None
        assert listing.find(other.id) is not None
        assert until(lambda: place.running(hidden.id) == 1)
    assert place.provider.list().complete


def test_logs_are_what_was_printed_also_after_the_end(place: Place) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    assert until(lambda: "joined" in place.provider.logs(request.id).get(0, ""))
    place.provider.cancel(request.id)
    assert "joined" in place.client().logs(request.id)[0]


def test_logs_of_an_unknown_request_are_not_found(place: Place) -> None:
    with pytest.raises(NotFoundError):
        place.provider.logs(UNKNOWN)


def test_an_id_that_is_none_is_refused(place: Place) -> None:
    for text in ("", "../other", "A", "a/b", "a b"):
        with pytest.raises(ConfigError):
            place.provider.cancel(text)
        with pytest.raises(ConfigError):
            place.provider.logs(text)


def test_the_token_is_only_read(place: Place) -> None:
    before = (place.token.read_bytes(), place.token.stat().st_mtime_ns, place.token.stat().st_mode)
    request = place.request()
    place.provider.launch(request, place.token)
    place.provider.cancel(request.id)
    after = (place.token.read_bytes(), place.token.stat().st_mtime_ns, place.token.stat().st_mode)
    assert before == after


def test_the_token_may_go_once_launch_returned(place: Place) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    place.token.unlink()
    assert until(lambda: "joined" in place.provider.logs(request.id).get(0, ""))


@pytest.mark.parametrize("content", [None, b"", b"\n"])
def test_without_a_token_nothing_starts(place: Place, content: bytes | None) -> None:
    request = place.request()
    token = place.folder / "other"
    if content is not None:
        token.write_bytes(content)
    with pytest.raises(ConfigError):
        place.provider.launch(request, token)
    assert place.running(request.id) == 0


def test_the_token_shows_nowhere(place: Place) -> None:
    """Neither in any process's arguments or environment, nor in listing, logs or ledger."""
    request = place.request()
    secret = place.secret.encode()
    caught: list[str] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for entry in Path("/proc").glob("[0-9]*"):
                if int(entry.name) == os.getpid():
                    continue
                caught.extend(
                    str(f) for n in ("cmdline", "environ") if secret in _read(f := entry / n)
                )

    watcher = threading.Thread(target=watch)
    watcher.start()
    place.provider.launch(request, place.token)
    assert until(lambda: "joined" in place.provider.logs(request.id).get(0, ""))
    listing, logs = place.provider.list(), place.provider.logs(request.id)
    done.set()
    watcher.join()
    place.provider.cancel(request.id)
    assert caught == []
    assert place.secret not in repr(listing)
    assert place.secret not in repr(logs)
    kept = [each for each in place.ledger.folder.rglob("*") if each.is_file()]
    assert [str(each) for each in kept if secret in each.read_bytes()] == []


@pytest.mark.parametrize("text", HOSTILE)
def test_odd_text_arrives_as_it_is(place: Place, text: str) -> None:
    # A pilot takes no name with a control character in it, be it an owner's or an annex's.
    name = text if text.isprintable() else "plain"
    spec = dataclasses.replace(place.spec((name,)), start=f"Owner == {text!r}", name=name)
    request = place.request(spec=spec)
    place.provider.launch(request, place.token)
    assert until(lambda: place.running(request.id) == 1), place.provider.logs(request.id)
    place.provider.cancel(request.id)
    assert place.leftovers(request.id) == []
    assert place.ledger.read(request.id).request == request


def _begun(place: Place, request_id: str) -> bool:
    """Whether its pilot has said more than that it starts."""
    return not set(_pilot_states(place, request_id)) <= {PilotState.STARTING}


def _pilot_states(place: Place, request_id: str) -> list[PilotState]:
    seen = place.provider.list().find(request_id)
    return [each.state for each in seen.pilots] if seen else []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""

"""A submission whose reply never came is looked for, on a real access point, never repeated."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from annex.condor_dialect import CondorDialect
from annex.provider import BatchProvider
from annex.transport import LocalTransport
from glidein import catalogue, process
from glidein.errors import ProviderError, TransientError
from tests.beds.condorsite import CondorSite
from tests.contract.condor import CondorPlace
from tests.contract.places import until

pytestmark = [pytest.mark.real, pytest.mark.root]


@pytest.fixture
def place(tmp_path: Path, condor_site: CondorSite) -> Iterator[CondorPlace]:
    opened = CondorPlace(tmp_path, condor_site)
    try:
        yield opened
    finally:
        opened.close()


def far(place: CondorPlace, request_id: str) -> Path:
    return place.site.home / ".local/state/glidein/batch" / request_id


def test_one_that_still_runs_is_adopted(place: CondorPlace) -> None:
    request = place.request()
    first = place.provider.launch(request, place.token)
    (far(place, request.id) / "submitted").unlink()
    assert place.client().launch(request, place.token) == first
    assert place.site.on("condor_q", "-af", "ClusterId").split() == [first]


@pytest.mark.parametrize("log", ["kept", "lost"])
def test_one_that_left_the_queue_is_adopted(place: CondorPlace, log: str) -> None:
    request = place.request()
    first = place.provider.launch(request, place.token)
    place.finish(request.id)
    (far(place, request.id) / "submitted").unlink()
    if log == "lost":
        (far(place, request.id) / "batch.log").unlink()
    assert place.client().launch(request, place.token) == first
    assert place.site.on("condor_q", "-af", "ClusterId") == ""


def test_where_the_queue_cannot_be_read_nothing_is_submitted_again(place: CondorPlace) -> None:
    request = place.request()
    first = place.provider.launch(request, place.token)
    (far(place, request.id) / "submitted").unlink()
    (far(place, request.id) / "batch.log").unlink()
    lost = {"SCHEDD_ADDRESS_FILE": "/nowhere", "SCHEDD_HOST": "nobody", "COLLECTOR_HOST": "[::1]:9"}
    words = [f"_CONDOR_{key}={value}" for key, value in lost.items()]
    *start, bash = place.site.bash()
    blind = LocalTransport([*start, *words, bash], "the access point")
    dialect = CondorDialect(catalogue.merge(catalogue.shipped()), place.payload)
    client = BatchProvider("batch:pool", dialect, blind)
    with pytest.raises(TransientError):
        client.launch(request, place.token)
    listing = client.list()
    assert not listing.complete
    assert "condor_q did not answer" in listing.why
    assert place.client().launch(request, place.token) == first


def test_one_that_lost_its_machine_is_not_started_twice(place: CondorPlace) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    assert until(lambda: place.running(request.id) == 1)
    place.site.on("condor_vacate_job", "-fast", "-all")

    def told() -> str:
        seen = place.provider.list().find(request.id)
        return seen.reason if seen and seen.state == "ended" else ""

    assert until(lambda: bool(told()), 60)
    assert "not started twice" in told()


def test_a_stop_lets_pilots_leave_and_report(place: CondorPlace) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    assert until(lambda: "joined" in place.provider.logs(request.id).get(0, ""))
    place.provider.cancel(request.id)
    assert '"reason":"told"' in place.provider.logs(request.id)[0]


# Without the step's standard error, for whose end the client would wait.
SUBMIT = """\
#!/bin/bash
exec 2>/dev/null
{early}
{real} "$@" >"$HOME/reply"
{late}
cat "$HOME/reply"
"""


@pytest.mark.parametrize("then", ["launch", "cancel"])
@pytest.mark.parametrize(
    ("early", "late"),
    [("", "kill -KILL $PPID; exit 1"), ("kill -KILL $PPID; sleep 3", "exit 1"), ("", "exit 1")],
    ids=["after it was taken", "before it is taken", "reply lost"],
)
def test_killed_between_condor_submit_and_its_reply(
    place: CondorPlace, early: str, late: str, then: str
) -> None:
    real = place.site.on("bash", "-c", "command -v condor_submit").strip()
    wrapper = place.site.home / "odd/condor_submit"
    wrapper.parent.mkdir(exist_ok=True)
    wrapper.write_text(SUBMIT.format(early=early, late=late, real=real))
    wrapper.chmod(0o755)
    *start, bash = place.site.bash()
    path = place.site.on("bash", "-c", "echo $PATH").strip()
    way = LocalTransport([*start, f"PATH={wrapper.parent}:{path}", bash], "the access point")
    dialect = CondorDialect(catalogue.merge(catalogue.shipped()), place.payload)
    request = place.request()
    with pytest.raises(ProviderError):
        BatchProvider("batch:pool", dialect, way).launch(request, place.token)
    if then == "launch":
        place.client().launch(request, place.token)
    else:
        place.client().cancel(request.id, fast=True)
    orphan = ["pgrep", "-f", f"^/bin/bash {wrapper}"]
    assert until(lambda: not process.run(orphan, timeout=10, check=False).ok)
    left = place.site.on("condor_q", "-af", "ClusterId").split()
    assert len(left) == (then == "launch")

"""Bad days: the client, or its half on the login node, is killed anywhere in a submit.

Where is counted, not chosen: the n-th moment, for every n, until one submit comes through.
"""

import json
import secrets
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from annex.provider import BatchProvider
from annex.transport import LocalTransport, Said
from glidein import process
from glidein.errors import ProviderError
from glidein.model import RequestState, new_request_id
from tests.beds.slurm import SlurmBed, wait_for
from tests.contract.places import until
from tests.slurm import killed
from tests.slurm.person import Person

pytestmark = [pytest.mark.real, pytest.mark.root]
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def waiting(bed: SlurmBed) -> Iterator[SlurmBed]:
    """The bed with a queue that takes batch jobs and starts none."""
    down = ["scontrol", "update", "PartitionName=batch"]
    bed.on("head", "root", *down, "State=DOWN")
    yield bed
    bed.on("head", "root", *down, "State=UP")


def new_id() -> str:
    """Return an id nobody has."""
    return new_request_id(datetime.now(UTC), secrets.token_bytes(7))


def far(bed: SlurmBed) -> LocalTransport:
    """Return alice's way to the login node."""
    return LocalTransport(bed.command("login", "alice", "bash"), "login")


def client(way: LocalTransport) -> BatchProvider:
    """Return a client that remembers nothing."""
    return BatchProvider("batch:bed", killed.dialect(), way)


class Mortal(LocalTransport):
    """A way whose far end is killed before its n-th command."""

    def __init__(self, bed: SlurmBed, number: int) -> None:
        super().__init__(bed.command("login", "alice", "bash"), "login")
        self._number = number

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Run the text there, until its end comes."""
        doom = f"((++far_doom == {self._number})) && kill -KILL $$; true"
        return super().step(
            f"far_doom=0; set -o functrace; trap '{doom}' DEBUG\n{text}", seconds, blob
        )


def check_once(person: Person, token: Path, identifier: str) -> None:
    """Launch again: there is one batch job, list shows it, and cancel leaves nothing."""
    again = client(far(person.bed))
    remote = again.launch(killed.request(identifier), token)
    assert again.launch(killed.request(identifier), token) == remote
    seen = again.see(identifier)
    assert (seen.state, seen.remote_id) == (RequestState.QUEUED, remote)
    assert person.queued("-o%F", "--name", identifier) == [remote]
    again.cancel(identifier)
    assert not person.queued("--name", identifier)
    assert not person.left(identifier, "c0")


def check_all_once(person: Person, identifiers: list[str]) -> None:
    """Of every request there was one batch job, and not more, ever."""

    def accounted() -> Counter[str]:
        said = person.bed.on("login", "root", "sacct", "-XnP", "-u", person.name, "-o", "JobName")
        return Counter(word for word in said.stdout.split() if word in identifiers)

    assert until(lambda: len(accounted()) == len(identifiers), 20)
    assert set(accounted().values()) == {1}


def test_the_client_killed_at_every_moment_of_a_submit(waiting: SlurmBed, tmp_path: Path) -> None:
    person, token = Person(waiting), tmp_path / "token"
    token.write_text("eyJh.secret\n")
    ids: list[str] = []
    for number in range(1, 50):
        ids.append(new_id())
        order = tmp_path / "order"
        bash = waiting.command("login", "alice", "bash")
        order.write_text(json.dumps({"id": ids[-1], "bash": bash}))
        argv: list[str | Path] = [sys.executable, "-m", "tests.slurm.killed", order, str(number)]
        said = process.run(argv, timeout=60, cwd=CHECKOUT, check=False)
        check_once(person, token, ids[-1])
        if said.returncode == 0:
            break
        assert said.returncode == -signal.SIGKILL, said.stderr
    assert number > 8
    check_all_once(person, ids)


def test_the_far_end_killed_before_its_every_command(waiting: SlurmBed, tmp_path: Path) -> None:
    person, token = Person(waiting), tmp_path / "token"
    token.write_text("eyJh.secret\n")
    ids: list[str] = []
    for number in range(1, 500):
        ids.append(new_id())
        try:
            client(Mortal(waiting, number)).launch(killed.request(ids[-1]), token)
        except ProviderError:
            check_once(person, token, ids[-1])
        else:
            check_once(person, token, ids[-1])
            break
    assert number > 30
    check_all_once(person, ids)


SBATCH = """\
#!/bin/bash
{early}
/usr/bin/sbatch "$@" >"$HOME/reply"
{late}
cat "$HOME/reply"
"""


@pytest.mark.parametrize(
    ("early", "late"),
    [("", "kill -KILL $PPID; exit 1"), ("kill -KILL $PPID; sleep 3", "exit 1"), ("", "exit 1"),
     ("", "echo nonsense; exit 0")],
    ids=["after it was taken", "before it is taken", "reply lost", "reply garbled"],
)  # fmt: skip
def test_killed_between_sbatch_and_its_reply(
    waiting: SlurmBed, tmp_path: Path, early: str, late: str
) -> None:
    person, token = Person(waiting), tmp_path / "token"
    token.write_text("eyJh.secret\n")
    wrapper = person.home / "bin/sbatch"
    wrapper.parent.mkdir(exist_ok=True)
    wrapper.write_text(SBATCH.format(early=early, late=late))
    wrapper.chmod(0o755)
    path = ["env", "PATH=/home/alice/bin:/usr/local/bin:/usr/bin:/bin", "bash"]
    way = LocalTransport(waiting.command("login", "alice", *path), "login")
    identifier = new_id()
    with pytest.raises(ProviderError):
        client(way).launch(killed.request(identifier), token)
    client(far(waiting)).launch(killed.request(identifier), token)
    orphans = ["pgrep", "-f", "/home/alice/bin/sbatch"]
    over = lambda: not waiting.on("login", "root", *orphans, check=False).ok  # noqa: E731
    wait_for(over, 10, "nobody submits any more")
    check_once(person, token, identifier)
    check_all_once(person, [identifier])

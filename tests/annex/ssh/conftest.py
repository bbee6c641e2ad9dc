"""An sshd for the module's tests, and a person who answers as told."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from annex.ssh import SshTransport
from tests.beds import sshd
from tests.beds.sshd import Sshd


class Answers:
    """A person with answers ready, in order; one who is not there has none."""

    def __init__(self, *answers: str, there: bool = True) -> None:
        self.answers, self.there = list(answers), there
        self.asked: list[str] = []
        self.told: list[str] = []

    def ask(self, question: str, *, shown: bool = False) -> str:
        self.asked.append(question)
        return self.answers.pop(0)

    def tell(self, text: str) -> None:
        self.told.append(text)


@pytest.fixture(scope="session")
def sshd_session(users: dict[str, int]) -> Iterator[Sshd]:
    with (
        tempfile.TemporaryDirectory(prefix="gls-", dir="/tmp") as folder,
        sshd.serving(_open(Path(folder))) as bed,
    ):
        yield bed


@pytest.fixture
def host(sshd_session: Sshd) -> Sshd:
    """The sshd, its codes fresh and its host key known."""
    sshd_session.renew()
    sshd_session.know(sshd_session.known_line())
    return sshd_session


@pytest.fixture
def nobody() -> Answers:
    """No person: a script without a terminal."""
    return Answers(there=False)


@pytest.fixture
def way(host: Sshd, nobody: Answers) -> Iterator[SshTransport]:
    """A way in with a key, for the user that only needs one."""
    transport = SshTransport(host.login("gltest1"), nobody)
    yield transport
    transport.close()


def _open(folder: Path) -> Path:
    folder.chmod(0o755)
    return folder

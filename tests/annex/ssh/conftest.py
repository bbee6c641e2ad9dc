"""What the SSH tests share: one sshd, and transports that are closed again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from annex import sshconfig
from annex.ssh import SshTransport
from tests.annex.ssh.person import Person
from tests.beds import sshd
from tests.beds.sshd import Sshd

Opens = Callable[[Path], SshTransport]
Sits = Callable[..., Person]


@pytest.fixture(scope="session")
def bed() -> Iterator[Sshd]:
    """One far system for all."""
    with sshd.running() as started:
        yield started


@pytest.fixture
def opens() -> Iterator[Opens]:
    """Make transports without a person, to the host `far` of a configuration."""
    with ExitStack() as opened:

        def make(config: Path) -> SshTransport:
            transport = SshTransport(sshconfig.resolve("far", config=config))
            opened.callback(transport.close)
            return transport

        yield make


@pytest.fixture
def sits() -> Iterator[Sits]:
    """Seat a person at a terminal whose command runs steps on the host `far`."""
    with ExitStack() as opened:

        def seat(config: Path, *steps: str, way: str = "paramiko", **env: str) -> Person:
            person = Person([way, str(config), *steps], env)
            opened.callback(person.leave)
            return person

        yield seat

"""A newcomer: an ordinary user with an empty home, a fresh clone, and a pool they may use."""

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from glidein import process, tokens
from glidein.process import Result
from glidein.runtime import Runtime
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import pools

ROOT = Path(__file__).parent.parent.parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How this machine reaches the package index, if not in the ordinary way.
INHERITED = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY")
NAME = "gltest3"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """The user, their home and their clone."""

    uid: int
    home: Path
    clone: Path

    @property
    def env(self) -> Mapping[str, str]:
        """What a login gives them."""
        env = {"PATH": PATH, "HOME": str(self.home), "LANG": "C.UTF-8", "USER": NAME}
        return env | {name: os.environ[name] for name in INHERITED if name in os.environ}

    def make(self, target: str, timeout: float = 400) -> Result:
        """Run make in the clone."""
        argv = ["make", "--no-print-directory", target]
        return process.run(argv, timeout=timeout, env=self.env, cwd=self.clone, user=self.uid)

    def glidein(self, *args: str | Path, check: bool = True, timeout: float = 60) -> Result:
        """Run a command of the clone's environment."""
        argv = [self.clone / ".venv/bin/glidein", *args]
        return process.run(
            argv, timeout=timeout, env=self.env, cwd=self.home, user=self.uid, check=check
        )

    def processes(self) -> list[int]:
        """Return what runs as them."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if entry.stat().st_uid == self.uid and process.alive(int(entry.name)):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found


@pytest.fixture(scope="session")
def newcomer(users: dict[str, int]) -> Iterator[Newcomer]:
    """The newcomer, before their first command."""
    with pools.open_folder("gln-") as folder:
        them = Newcomer(users[NAME], folder / "home", folder / "glidein")
        process.run(["git", "clone", "-q", "--no-hardlinks", ROOT, them.clone], timeout=60)
        them.home.mkdir(mode=0o700)
        process.run(["chown", "-R", NAME, folder], timeout=30)
        yield them
        for pid in them.processes():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def equipped(newcomer: Newcomer) -> Newcomer:
    """The newcomer after make setup, with a runtime."""
    newcomer.make("setup")
    newcomer.glidein("runtime", "get", timeout=200)
    return newcomer


@pytest.fixture(scope="module")
def own_pool(condor: Runtime, equipped: Newcomer) -> Iterator[ThrowawayPool]:
    """A pool of the newcomer's own; their HTCondor commands work as themselves."""
    with pools.pool_of(condor, PoolOptions(user=equipped.uid)) as pool:
        yield pool


@pytest.fixture
def token(own_pool: ThrowawayPool, equipped: Newcomer) -> Path:
    """A pilot's token in the newcomer's home."""
    path = equipped.home / "pilot.token"
    tokens.write(own_pool.token(NAME), path)
    os.chown(path, equipped.uid, -1)
    return path

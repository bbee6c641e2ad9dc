"""A site whose batch system is HTCondor: a pool with one machine, which serves made users."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from glidein import process, runtime
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import pools
from tests.beds.pilots import wait_until

# The machine is larger than this one, so that many small pilots fit. Its folder lies below /tmp,
# which a private /tmp for each job would hide.
_CONFIG = {
    "DAEMON_LIST": "MASTER, COLLECTOR, NEGOTIATOR, SCHEDD, STARTD",
    "NUM_CPUS": "16",
    "MEMORY": "16384",
    "NUM_SLOTS_TYPE_1": "1",
    "SLOT_TYPE_1": "100%",
    "SLOT_TYPE_1_PARTITIONABLE": "True",
    "START": "True",
    "SUSPEND": "False",
    "PREEMPT": "False",
    "KILL": "False",
    "UPDATE_INTERVAL": "2",
    "CLAIM_WORKLIFE": "0",
    "PERIODIC_EXPR_INTERVAL": "3",
    "MOUNT_UNDER_SCRATCH": "",
    "STARTER_ALLOW_RUNAS_OWNER": "True",
    "SUBMIT_REQUIREMENT_NAMES": "Open",
    "SUBMIT_REQUIREMENT_Open": "True",
    "SUBMIT_REQUIREMENT_Open_REASON": '"no batch jobs are taken today"',
}


class CondorSite:
    """A running site; `user` of it has a home of his own there."""

    def __init__(self, pool: ThrowawayPool, homes: Path, user: int) -> None:
        self.pool = pool
        self.user = user
        self.home = homes / "home"
        self.home.mkdir(mode=0o700)
        os.chown(self.home, user, user)

    def bash(self) -> Sequence[str]:
        """Return the command of a bash as that user would have it after he logged in."""
        env = self.pool.env | {"HOME": str(self.home)}
        words = [f"{key}={value}" for key, value in env.items()]
        user = str(self.user)
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
        return [*become, "env", "-i", "-C", str(self.home), *words, "bash"]

    def on(self, *argv: str) -> str:
        """Run a command as that user there and return what it printed."""
        argv = (*self.bash(), "-c", '"$@"', "-", *argv)
        return process.run(argv, timeout=60, check=False).stdout

    def open(self, *, really: bool) -> None:
        """Let its queue take batch jobs, or refuse them."""
        config = self.pool.folder / "condor_config"
        with config.open("a") as file:
            file.write(f"SUBMIT_REQUIREMENT_Open = {really}\n")
        self.pool.tool("condor_reconfig", "-schedd", user=0)


@contextmanager
def site(found: runtime.Runtime, user: int) -> Iterator[CondorSite]:
    """Yield a running site for that user."""
    options = PoolOptions(user=user, users=True, domain="site.pool", extra=_CONFIG)
    with pools.pool_of(found, options) as pool, pools.open_folder("gls-") as homes:
        opened = CondorSite(pool, homes, user)
        wait_until(lambda: opened.on("condor_status", "-af", "Machine"), 30, "the machine is seen")
        yield opened

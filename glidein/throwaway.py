"""A pool to throw away: one condor_master with collector, negotiator and schedd on loopback.

For the demo, for tests and for trying things. It needs no root; as root its daemons run as an
ordinary user all the same, unless it is to serve several users, which only root can give them.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from glidein import process, quoting, tokens
from glidein.errors import ObservationError
from glidein.guard import Guard
from glidein.model import PoolAddress
from glidein.process import CommandError, Result
from glidein.runtime import Runtime

_CONFIG = """\
RELEASE_DIR = {release}
LOCAL_DIR = {local}
SBIN = $(RELEASE_DIR)/sbin
BIN = $(RELEASE_DIR)/bin
LIB = $(RELEASE_DIR)/lib
LIBEXEC = {libexec}
LOG = $(LOCAL_DIR)/log
SPOOL = $(LOCAL_DIR)/spool
LOCK = $(LOCAL_DIR)/lock
RUN = $(LOCAL_DIR)/run
EXECUTE = $(LOCAL_DIR)/execute
DAEMON_LIST = MASTER, COLLECTOR, NEGOTIATOR, SCHEDD
COLLECTOR_HOST = {host}:{port}
NETWORK_INTERFACE = {host}
USE_SHARED_PORT = True
SHARED_PORT_PORT = {port}
UID_DOMAIN = {domain}
TRUST_DOMAIN = {domain}
# Its own name is looked up no further: a name server that is away would hang every command.
NETWORK_HOSTNAME = {name}
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_ENCRYPTION = REQUIRED
SEC_DEFAULT_INTEGRITY = REQUIRED
SEC_DEFAULT_AUTHENTICATION_METHODS = FS, IDTOKENS
SEC_TOKEN_DIRECTORY = $(LOCAL_DIR)/tokens.d
SEC_TOKEN_SYSTEM_DIRECTORY = $(LOCAL_DIR)/tokens.d
SEC_PASSWORD_DIRECTORY = $(LOCAL_DIR)/passwords.d
SEC_TOKEN_POOL_SIGNING_KEY_FILE = $(LOCAL_DIR)/passwords.d/POOL
ALLOW_READ = *
ALLOW_WRITE = *@$(UID_DOMAIN), execute-side@matchsession
ALLOW_DAEMON = *@$(UID_DOMAIN)
ALLOW_NEGOTIATOR = *@$(UID_DOMAIN)
ALLOW_ADMINISTRATOR = {admin}@$(UID_DOMAIN), root@$(UID_DOMAIN), condor@$(UID_DOMAIN)
ALLOW_ADVERTISE_STARTD = *@$(UID_DOMAIN)
ALLOW_ADVERTISE_MASTER = *@$(UID_DOMAIN)
ALLOW_ADVERTISE_SCHEDD = *@$(UID_DOMAIN)
NEGOTIATOR_INTERVAL = 2
NEGOTIATOR_CYCLE_DELAY = 1
NEGOTIATOR_MIN_INTERVAL = 1
NEGOTIATOR_UPDATE_INTERVAL = 5
# How often what reaches pilots behind a firewall is written down, to outlive a collector's crash.
CCB_POLLING_INTERVAL = 1
SCHEDD_INTERVAL = 2
SCHEDD_MIN_INTERVAL = 1
DAGMAN_USER_LOG_SCAN_INTERVAL = 1
DAGMAN_SUBMIT_DELAY = 0
DAGMAN_USE_STRICT = 0
DEFAULT_USERLOG_FORMAT_OPTIONS = ISO_DATE, UTC, SUB_SECOND
RUNBENCHMARKS = False
"""


_BAD = re.compile(r"ERROR|[Ff]ail|denied|[Nn]o such file|cannot|can't")


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """What may differ from one such pool to the next.

    `user` is the uid its daemons and commands run as (root only; None: our own). `users` true, as
    root, makes a pool whose schedd serves every user of the machine. `extra` are further lines of
    configuration, already in HTCondor's syntax.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    domain: str = "throwaway.pool"
    user: int | None = None
    users: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)


class ThrowawayPool:
    """A running pool under one folder; leaving the context ends it and removes the folder."""

    def __init__(self, runtime: Runtime, folder: Path, options: PoolOptions | None = None) -> None:
        self.runtime = runtime
        self.folder = folder
        self.options = options or PoolOptions()
        self.port = self.options.port or _free_port(self.options.host)
        self._pid: int | None = None
        self._guard: Guard | None = None

    @property
    def address(self) -> PoolAddress:
        """Where its collector listens."""
        return PoolAddress(self.options.host, self.port)

    @property
    def env(self) -> dict[str, str]:
        """The environment in which HTCondor's commands speak to this pool."""
        home = str(self.folder)
        path = f"{self.runtime.root / 'bin'}:{self.runtime.root / 'sbin'}:/usr/bin:/bin"
        return {"PATH": path, "CONDOR_CONFIG": f"{home}/condor_config", "HOME": home}

    def start(self, timeout: float = 60) -> Self:
        """Start the daemons and wait until all of them can be seen in the collector.

        Raises ObservationError with the telling log lines when they are not up in time, and
        ConfigError for a folder that holds something which is not this pool's.
        """
        self._guard = self._guard or Guard(self.folder)
        self._lay_out()
        argv: list[str | Path] = [self.runtime.program("condor_master"), "-f"]
        user = None if self.options.users else self.options.user
        log = self.folder / "log" / "master.out"
        self._pid = process.spawn(argv, log=log, env=self.env, cwd=self.folder, user=user)
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if self._up():
                return self
            if not process.alive(self._pid):
                break
            time.sleep(0.2)
        said = self._telling()
        self.stop()
        raise ObservationError(f"the throw-away pool did not come up in {timeout:g} s\n{said}")

    def stop(self, timeout: float = 20) -> None:
        """End every daemon and remove the folder; done already is success."""
        if self._pid is not None:
            _end(self._pid, self.folder, timeout)
            self._pid = None
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._guard is not None:
            self._guard.release()
            self._guard = None

    def kill(self) -> None:
        """End the daemons at once, as a crash would, and keep the folder: start() carries on."""
        if self._pid is not None:
            _end(self._pid, self.folder, 0)
            self._pid = None

    def tool(
        self,
        name: str,
        *args: str,
        user: int | None = None,
        cwd: Path | None = None,
        stdin: str | None = None,
        timeout: float = 60,
        check: bool = True,
    ) -> Result:
        """Run one of HTCondor's commands against this pool, as `user` (root only)."""
        return process.run(
            [self.runtime.program(name), *args],
            timeout=timeout,
            env=self.env,
            cwd=cwd or self.folder,
            stdin=stdin,
            check=check,
            user=self.options.user if user is None else user,
        )

    def token(self, owner: str, *authz: str, lifetime: int = 3600) -> str:
        """Return a token for `owner`; without `authz` one that a pilot needs, and no more."""
        scopes = authz or tokens.PILOT_SCOPE
        words = [word for scope in scopes for word in ("-authz", scope)]
        identity = f"{owner}@{self.options.domain}"
        # The pool's signing key belongs to whoever its daemons started as.
        user = 0 if self.options.users else None
        said = self.tool(
            "condor_token_create", "-identity", identity, "-lifetime", str(lifetime), *words,
            user=user,
        )  # fmt: skip
        return said.stdout.strip()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _lay_out(self) -> None:
        owner = self.options.user
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755 if self.options.users else 0o700)
        folders = ["log", "spool", "lock", "run", "execute", "tokens.d", "passwords.d"]
        for name in folders:
            (self.folder / name).mkdir(exist_ok=True, mode=0o755)
        for name in ("tokens.d", "passwords.d"):
            (self.folder / name).chmod(0o700)
        (self.folder / "condor_config").write_text(self._config())
        if owner is not None:
            daemons_own = folders[:-2] if self.options.users else [*folders, "", "condor_config"]
            for name in daemons_own:
                os.chown(self.folder / name, owner, pwd.getpwuid(owner).pw_gid)

    def _config(self) -> str:
        options = self.options
        owner = os.geteuid() if options.user is None else options.user
        text = _CONFIG.format(
            release=quoting.condor(str(self.runtime.root)),
            libexec=quoting.condor(str(self.runtime.program("condor_shared_port").parent)),
            local=quoting.condor(str(self.folder)),
            name=quoting.condor(socket.gethostname()),
            host=options.host,
            port=self.port,
            domain=options.domain,
            admin=pwd.getpwuid(owner).pw_name,
        )
        if options.users:
            text += f"CONDOR_IDS = {owner}.{pwd.getpwuid(owner).pw_gid}\n"
        return text + "".join(f"{key} = {value}\n" for key, value in options.extra.items())

    def _up(self) -> bool:
        """Whether every daemon has shown itself in the collector, the collector included."""
        try:
            said = self.tool("condor_status", "-any", "-af", "MyType", timeout=10, check=False)
        except CommandError:
            return False
        daemons = self.options.extra.get("DAEMON_LIST", "NEGOTIATOR")
        wanted = {"Collector", "Scheduler"} | ({"Negotiator"} if "NEGOTIATOR" in daemons else set())
        return wanted <= set(said.stdout.split())

    def _telling(self) -> str:
        """Return the first lines of each log that speak of a failure."""
        found = []
        for log in sorted((self.folder / "log").iterdir()):
            with suppress(OSError):
                lines = [x for x in log.read_text(errors="replace").splitlines() if _BAD.search(x)]
                found += [f"{log.name}: {line}" for line in lines[:3]]
        return "\n".join(found)


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.bind((host, 0))
        port: int = listener.getsockname()[1]
        return port


def _end(pid: int, folder: Path, timeout: float) -> None:
    """Ask the master to end fast, then kill whatever else belongs to the pool's folder."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGQUIT if timeout else signal.SIGKILL)
    until = time.monotonic() + timeout
    while process.alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    process.kill_all_of(folder)
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)

"""Reaching: which way a command takes to a far system."""

from pathlib import Path

from annex import prompting, sshconfig, trust
from annex.openssh import Master, OpenSshTransport
from annex.prompting import Prompter
from annex.sshconfig import Login
from annex.transport import Said, Transport


def reach(login: Login, ask: Prompter | None = None) -> Transport:
    """Return a way to the host; nothing is connected yet.

    A master that is logged in comes first: ours, then the user's own. What paramiko cannot do goes
    by the ssh program, which never asks here; all else goes by paramiko, which asks `ask`.
    """
    if control := open_master(login):
        return OpenSshTransport(login, control)
    if login.foreign or _vouched(login):
        return OpenSshTransport(login)
    from annex.ssh import SshTransport  # paramiko takes a while: not before it is needed

    return SshTransport(login, ask or prompting.of())


class Way:
    """A transport that looks for its way when it is first used, and keeps to it."""

    def __init__(self, host: str, user: str = "", ask: Prompter | None = None) -> None:
        self.where = f"{user}@{host}" if user else host
        self._host, self._user, self._ask = host, user, ask
        self._found: Transport | None = None

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Run the text in bash there; see Transport."""
        if self._found is None:
            self._found = reach(sshconfig.resolve(self._host, self._user), self._ask)
        return self._found.step(text, seconds, blob)

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._found is not None:
            self._found.close()


def open_master(login: Login) -> str:
    """Return the socket of an open master to the host; nothing if there is none."""
    ours = Master(login)
    theirs = [Master(login, login.control_path)] if login.control_path else []
    return next((each.control for each in (ours, *theirs) if each.is_open), "")


def _vouched(login: Login) -> bool:
    """Whether only an authority vouches for the host's key, which paramiko cannot check."""
    known = trust.known(login)
    return known.by_authority(*login.known_as) and not known.types(*login.known_as)

"""Reaching: which way a command takes to a far system."""

from annex import prompting, trust
from annex.openssh import Master, OpenSshTransport
from annex.prompting import Prompter
from annex.sshconfig import Login
from annex.transport import Transport


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


def open_master(login: Login) -> str:
    """Return the socket of an open master to the host; nothing if there is none."""
    ours = Master(login)
    theirs = [Master(login, login.control_path)] if login.control_path else []
    return next((each.control for each in (ours, *theirs) if each.is_open), "")


def _vouched(login: Login) -> bool:
    """Whether only an authority vouches for the host's key, which paramiko cannot check."""
    known = trust.known(login)
    return known.by_authority(*login.known_as) and not known.types(*login.known_as)

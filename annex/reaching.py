"""Which way to a host: a connection that is open already, else paramiko's."""

import shutil
from pathlib import Path

from annex import openssh, sshconfig
from annex.person import Person, Terminal
from annex.sshconfig import Login
from annex.transport import Said, Transport
from glidein.errors import AuthError


def reach(host: str, user: str = "", person: Person | None = None) -> Transport:
    """Return the way to a host; nothing is connected yet.

    A master that `annex login` opened goes first, then one of the user's own ssh; then a
    connection of our own. Raises AuthError where only OpenSSH could log in, with what to do.
    """
    login = sshconfig.resolve(host, user)
    if shutil.which("ssh"):
        if found := opened(login):
            return openssh.OpenSshTransport(login, found)
        if login.foreign:
            asked = ", ".join(login.foreign)
            remedy = f"open a connection with it first: annex login {host}"
            raise AuthError(f"{login}: your ssh configuration asks for {asked}; {remedy}")
    from annex import ssh  # paramiko and its cryptography are half a second's work to load

    return ssh.SshTransport(login, person or Terminal())


class Way:
    """A transport that looks for its way when it is first used, and keeps to it."""

    def __init__(self, host: str, user: str = "", person: Person | None = None) -> None:
        self.where = f"{user}@{host}" if user else host
        self._asked = (host, user, person)
        self._found: Transport | None = None

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Run the text in bash there; see Transport."""
        if self._found is None:
            self._found = reach(*self._asked)
        return self._found.step(text, seconds, blob)

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._found is not None:
            self._found.close()


def opened(login: Login) -> str:
    """Return where a master of this login answers; empty if none does."""
    ours = openssh.Master(login)
    if ours.is_open():
        return ours.path
    if login.control_path and openssh.alive(login, login.control_path):
        return login.control_path
    return ""

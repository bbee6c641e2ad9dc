"""The way over SSH by the user's own ssh program, over a connection that is open already.

`annex login` opens it, in the user's sight, with whatever the host asks for; until it is closed
no later command asks again. ssh calls it a master, and its place a control path.
"""

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from annex import session
from annex.sshconfig import Login
from annex.transport import Said
from glidein import process
from glidein.errors import AuthError, ConfigError, TransientError

_SHORT = 30.0


class OpenSshTransport:
    """A machine behind a master connection that somebody opened."""

    def __init__(self, login: Login, control_path: str) -> None:
        self._login, self._path = login, control_path
        self._bash: process.Piped | None = None

    @property
    def where(self) -> str:
        """The login, as it was named."""
        return str(self._login)

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Run the text in bash there; see Transport."""
        argv = ["ssh", "-T", "-S", self._path, "-o", "BatchMode=yes", "-o", "ControlMaster=no",
                *_words(self._login), "bash"]  # fmt: skip
        try:
            self._bash = self._bash or process.Piped(argv)
            return session.step(self._bash, text, seconds, blob)
        except (OSError, EOFError) as error:
            self.close()
            why = str(error) or type(error).__name__
            if "Permission denied" in why or "verification failed" in why:
                remedy = f"log in again: annex login {self._login.host}"
                raise AuthError(f"{self.where}: {why}; {remedy}") from error
            raise TransientError(f"{self.where}: the connection was cut: {why}") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End this command's part of it; the master stays."""
        if self._bash is not None:
            self._bash.close()
        self._bash = None


class Master:
    """The master connection of a login, ours: one for all commands of this user on this machine."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self.path = str(_folder() / _name(login))

    def is_open(self) -> bool:
        """Whether it is there and answers."""
        return alive(self._login, self.path)

    def open(self, seconds: int) -> None:
        """Open it, at this terminal; it ends after so many seconds without use.

        Raises AuthError when the host does not let the user in.
        """
        argv = ["ssh", "-M", "-S", self.path, "-f", "-N", "-T", "-o", f"ControlPersist={seconds}",
                "-o", "ServerAliveInterval=30", *_words(self._login)]  # fmt: skip
        code = process.attended(argv)
        if code != 0 or not self.is_open():
            raise AuthError(f"{self._login}: ssh did not log in (exit code {code}); see its words")

    def close(self) -> None:
        """End it; what is not there is closed."""
        _control(self._login, self.path, "exit")


def alive(login: Login, path: str) -> bool:
    """Whether a master answers at that path."""
    return Path(path).exists() and _control(login, path, "check")


def _control(login: Login, path: str, word: str) -> bool:
    with suppress(process.CommandError):
        argv = ["ssh", "-S", path, "-O", word, *_words(login)]
        return process.run(argv, timeout=_SHORT, check=False).ok
    return False


def _words(login: Login) -> list[str]:
    return [*(["-l", login.user] if login.user else []), "--", login.host]


def _name(login: Login) -> str:
    """Return a name for the socket: the whole path must stay below 104 letters."""
    text = f"{login.user}@{login.hostname}:{login.port}/{login.host}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _folder() -> Path:
    """Return the folder for sockets: the user's own and nobody else's. Raises ConfigError.

    Not in the home folder: on NFS no socket can be made, and homes have long names.
    """
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(base, "glidein") if base else Path(f"/tmp/glidein-{os.getuid()}")  # noqa: S108
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        trouble = f"{folder} is not a folder that only you can enter"
        raise ConfigError.one("XDG_RUNTIME_DIR", trouble, "Set it to one, or remove that")
    return folder

"""OpenSSH: a far system through the user's own ssh program, over a master that is logged in.

`glidein annex login` opens such a master at a terminal; later commands go through it and nobody is
asked again. Steps never ask: where the program would, they fail and say what to do.
"""

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from annex import framing
from annex.exchange import NOBODY
from annex.framing import Answer, Said
from annex.sshconfig import Login, checked_host
from glidein import process
from glidein.errors import AuthError, ConfigError, ProviderError, RejectedError, TransientError

# A socket's path has at most 104 bytes, and ssh adds 17 while it makes one.
_MOST_FOLDER = 104 - 17 - 17
_REFUSED = ("Permission denied", "Too many authentication failures", "No more authentication")
_UNKNOWN = ("Host key verification failed", "IDENTIFICATION HAS CHANGED", "host key is known for")


class OpenSshTransport:
    """A far system by the ssh program, one run of it for each step.

    `control` is the path of a master's socket; without it the user's configuration says which.
    """

    def __init__(self, login: Login, control: str = "") -> None:
        self.where = login.host
        self._login, self._control = login, control

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Run the text in bash there, for at most `seconds`, the connecting included."""
        content = blob.read_bytes() if blob else b""
        frame = framing.frame(text, len(content))
        argv = _ssh(self._login, self._control, "BatchMode=yes", "ControlMaster=no")
        try:
            result = process.run(
                [*argv, "bash"], timeout=seconds, stdin=frame.head + content, check=False
            )
        except process.CommandError as error:
            raise self._unanswered(error, seconds) from error
        answer = Answer(frame.mark)
        answer.out(result.stdout.encode("utf-8", "replace"))
        answer.err(result.stderr.encode("utf-8", "replace"))
        said = answer.said
        if said is None:
            raise self._failure(result.returncode, answer)
        return said

    def close(self) -> None:
        """Do nothing: a master stays for the next command."""

    def _unanswered(self, error: process.CommandError, seconds: float) -> Exception:
        if error.result.returncode == 127:
            needs = ", ".join(self._login.foreign) or "a master"
            return ConfigError.one("ssh", f"{self.where}: {needs} needs the ssh program: {error}")
        return TransientError(f"{self.where}: no end after {seconds:g} s; {NOBODY}")

    def _failure(self, code: int, answer: Answer) -> ProviderError:
        said, host = answer.so_far, self.where
        if answer.begun:
            return TransientError(f"{host}: the connection was cut in a step; {NOBODY}")
        if any(words in said for words in _UNKNOWN):
            return AuthError(f"{host}: its key is not the one on file: {said}. Run `ssh {host}`")
        if any(words in said for words in _REFUSED):
            only = ", ".join(self._login.foreign)
            why = f" (this login needs the ssh program: {only})" if only else ""
            return AuthError(
                f"{host}: the login was refused{why}: {said}. Run `glidein annex login {host}` in "
                "a terminal; it asks there once"
            )
        if code in (126, 127):
            return RejectedError(f"{host}: there is no bash in the search path there: {said}")
        return TransientError(f"{host}: ssh ended with {code} before anything was run: {said}")


class Master:
    """A connection that stays logged in, for every later command on this machine.

    `control` is the socket of a master that the user's configuration made; ours by default.
    """

    def __init__(self, login: Login, control: str = "") -> None:
        self._login = login
        self._folder = None if control else folder()
        self.control = control or str(folder() / _name(login))

    @property
    def is_open(self) -> bool:
        """Whether it is there and answers; what lies in a folder of somebody else's is not."""
        if self._folder and not _is_ours(self._folder):
            return False
        return os.path.exists(self.control) and self._told("check")  # noqa: PTH110

    def open(self, persist_seconds: int) -> None:
        """Log in at the terminal; it ends when nobody used it for that long.

        Open already is success. Raises AuthError when the login fails; ssh said why.
        """
        if self.is_open:
            return
        if self._folder:
            _make(self._folder)
        with suppress(FileNotFoundError):
            Path(self.control).unlink()  # what a master left that died
        argv = _ssh(
            self._login, self.control, "ControlMaster=yes", f"ControlPersist={persist_seconds}"
        )
        host = self._login.host
        try:
            code = process.attached([*argv[:-1], "-f", "-N", argv[-1]])
        except process.CommandError as error:
            raise ConfigError.one(
                "ssh", f"{host}: the ssh program cannot be run: {error}"
            ) from error
        if code != 0 or not self.is_open:
            raise AuthError(f"{host}: the login failed; see above what ssh said, and try again")

    def close(self) -> None:
        """Hang up; not open is success."""
        if self.is_open:
            self._told("exit")

    def _told(self, word: str) -> bool:
        argv = _ssh(self._login, self.control, "BatchMode=yes")
        try:
            return process.run([*argv[:-1], "-O", word, argv[-1]], timeout=20, check=False).ok
        except process.CommandError:
            return False


def folder() -> Path:
    """Return the folder of our sockets; it need not be there yet."""
    place = Path(os.environ.get("XDG_RUNTIME_DIR", "")) / "glidein"
    fits = len(os.fsencode(place)) <= _MOST_FOLDER
    if place.is_absolute() and fits and place.parent.is_dir():
        return place
    return Path(f"/tmp/glidein-{os.geteuid()}")  # noqa: S108 - it must be ours alone


def _make(place: Path) -> None:
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
    if not _is_ours(place):
        raise ConfigError.one(
            str(place),
            "is not a folder of yours alone, so no login can be kept there",
            "Remove it, or set XDG_RUNTIME_DIR to a folder of yours",
        )


def _is_ours(place: Path) -> bool:
    try:
        found = place.lstat()
    except OSError:
        return False
    mine = found.st_uid == os.geteuid() and not found.st_mode & 0o077
    return stat.S_ISDIR(found.st_mode) and mine


def _name(login: Login) -> str:
    """Return the socket's name: short whatever the host and user are called."""
    words = (login.host, login.hostname, str(login.port), login.user, str(login.config or ""))
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


def _ssh(login: Login, control: str, *options: str) -> list[str]:
    """Return the command that reaches the host: nothing is forwarded, no terminal is taken."""
    usual = ["ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes", "LogLevel=ERROR",
             "ServerAliveInterval=30", f"ConnectTimeout={login.connect_timeout:g}"]  # fmt: skip
    usual += ["RemoteCommand=none"] if login.remote_command else []
    argv = ["ssh", "-T", *(["-F", str(login.config)] if login.config else [])]
    argv += ["-S", control] if control else []
    for option in (*options, *usual):
        argv += ["-o", option]
    argv += ["-p", str(login.port), *(["-l", login.user] if login.user else [])]
    return [*argv, checked_host(login.host)]

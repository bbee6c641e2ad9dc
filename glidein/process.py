"""The door to other programs: the only module that imports subprocess.

Commands are lists, never shell text. What a program printed is decoded with replacement, so that
no odd byte can raise. A program that is missing, fails or runs too long raises CommandError, which
carries all there is to know; callers map it into the tree of glidein.errors.
"""

import os
import pwd
import selectors
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glidein.errors import GlideinError

# What ties a process to a folder: where a pool, a pilot or a job has its configuration, home and
# scratch, and whatever begins like a name of ours.
MARKS = frozenset((b"HOME", b"TMPDIR", b"CONDOR_CONFIG", b"_CONDOR_SCRATCH_DIR"))
_OURS = b"GLIDEIN_"


@dataclass(frozen=True, slots=True)
class Result:
    """How a program ended and what it said."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """Whether it ended with 0."""
        return self.returncode == 0


class CommandError(GlideinError):
    """A program could not be started, failed, or ran past its time."""

    exit_code = 39

    def __init__(self, result: Result, why: str) -> None:
        self.result = result
        said = (result.stderr or result.stdout).strip()
        tail = "\n".join(said.splitlines()[-5:])
        super().__init__(f"{shlex.join(result.argv)}: {why}" + (f"\n{tail}" if tail else ""))


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | bytes | None = None,
    check: bool = True,
    user: int | None = None,
) -> Result:
    """Run a program to its end, at most `timeout` seconds, and return what it said.

    `env` replaces the environment whole. `user` is a uid to become first (root only). On time-out
    the program's whole session is killed, so nothing that it started stays. Raises CommandError,
    unless `check` is false, when the program fails; always when it cannot be started or runs too
    long.
    """
    words = tuple(str(word) for word in argv)
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            start_new_session=True,
            **_as_user(user),
        )
    except (OSError, ValueError) as error:
        raise CommandError(Result(words, 127, "", ""), f"cannot start: {error}") from error
    given = stdin.encode("utf-8", "replace") if isinstance(stdin, str) else stdin
    try:
        said = child.communicate(given, timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill_session(child.pid)
        result = Result(words, 124, *map(_text, child.communicate()))
        raise CommandError(result, f"no end after {timeout:g} s") from None
    except BaseException:
        _kill_session(child.pid)
        child.communicate()
        raise
    result = Result(words, child.returncode, *map(_text, said))
    if check and not result.ok:
        raise CommandError(result, f"exit code {result.returncode}")
    return result


def spawn(
    argv: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: int | None = None,
    stdin: int = subprocess.DEVNULL,
) -> int:
    """Start a program in a session of its own, its output appended to `log`; return its pid.

    The program outlives us. Raises CommandError when it cannot be started.
    """
    words = tuple(str(word) for word in argv)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        child = subprocess.Popen(
            words,
            stdin=stdin,
            stdout=descriptor,
            stderr=descriptor,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            start_new_session=True,
            **_as_user(user),
        )
    except (OSError, ValueError) as error:
        raise CommandError(Result(words, 127, "", ""), f"cannot start: {error}") from error
    finally:
        os.close(descriptor)
    child.returncode = 0  # it is not ours to wait for: no ResourceWarning when we end first
    return child.pid


class Conversation:
    """A program that answers lines with lines. It is ours: close() or a time-out ends it.

    What it says on standard error goes to a file without a name, and into the CommandError when
    it dies.
    """

    def __init__(self, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> None:
        self.argv = tuple(str(word) for word in argv)
        self._said = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - lives as long as the program
        try:
            self._child = subprocess.Popen(
                self.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=dict(env) if env is not None else None,
                start_new_session=True,
            )
        except OSError as error:
            self._said.close()
            raise CommandError(Result(self.argv, 127, "", ""), f"cannot start: {error}") from error
        self.pid = self._child.pid
        self._rest = b""

    def ask(self, line: str, timeout: float) -> str:
        """Send one line and return the one that answers it.

        Raises CommandError, and the program is gone, if it ended or did not answer in time.
        """
        stdin, stdout = self._child.stdin, self._child.stdout
        if stdin is None or stdout is None or stdin.closed:
            raise CommandError(Result(self.argv, 0, "", ""), "the conversation is over")
        until = time.monotonic() + timeout
        try:
            stdin.write(line.encode() + b"\n")
            stdin.flush()
        except OSError:
            raise self._over("ended") from None
        with selectors.DefaultSelector() as waiting:
            waiting.register(stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not waiting.select(max(0.0, until - time.monotonic())):
                    raise self._over(f"no answer within {timeout:.3g} s")
                piece = os.read(stdout.fileno(), 1 << 20)
                if not piece:
                    raise self._over("ended")
                self._rest += piece
        answer, _, self._rest = self._rest.partition(b"\n")
        return answer.decode("utf-8", errors="replace")

    def heard(self) -> str:
        """Return, and forget, what it said on standard error."""
        self._said.seek(0)
        text = self._said.read().decode("utf-8", errors="replace")
        self._said.truncate(0)
        return text

    def close(self) -> None:
        """End the program at once; ended already is success."""
        if self._child.returncode is None:  # once waited for, its number may be another's
            _kill_session(self._child.pid)
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._child.wait()
        self._said.close()

    def _over(self, why: str) -> CommandError:
        _kill_session(self._child.pid)
        code = self._child.wait()
        stderr = self.heard()
        self.close()
        return CommandError(Result(self.argv, code, "", stderr), why)


class Tunnel:
    """A program whose standard input and output are the other end of `socket`; close() ends it.

    It shares our terminal, so it can ask a person there.
    """

    def __init__(self, argv: Sequence[str | Path]) -> None:
        self.argv = tuple(str(word) for word in argv)
        self._said = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - lives as long as the program
        self.socket, theirs = socket.socketpair()
        try:
            end = theirs.fileno()
            self._child = subprocess.Popen(self.argv, stdin=end, stdout=end, stderr=self._said)
        except OSError as error:
            self.socket.close()
            self._said.close()
            raise CommandError(Result(self.argv, 127, "", ""), f"cannot start: {error}") from error
        finally:
            theirs.close()

    def heard(self) -> str:
        """Return what it said on standard error."""
        self._said.seek(0)
        return self._said.read().decode("utf-8", errors="replace")

    def close(self) -> None:
        """End the program at once; ended already is success."""
        self.socket.close()
        self._child.kill()
        self._child.wait()
        self._said.close()


def attached(argv: Sequence[str | Path]) -> int:
    """Run a program on our own terminal to its end and return its exit code; it may ask there.

    Raises CommandError when it cannot be started.
    """
    words = tuple(str(word) for word in argv)
    try:
        return subprocess.run(words, check=False).returncode
    except (OSError, ValueError) as error:
        raise CommandError(Result(words, 127, "", ""), f"cannot start: {error}") from error


def alive(pid: int) -> bool:
    """Whether a process of that id runs; one that ended and was not waited for does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def all_of(folder: Path) -> list[int]:
    """Return the processes that a mark in their environment ties to `folder`, our own left out.

    Daemons leave their parent's session and outlive it; the environment they inherited stays. A
    mark is a whole NAME=VALUE: one of MARKS, or a name of ours, with the folder or a path below it
    as its value. A shell that somebody opened in the folder, or a search path, is no mark.
    """
    found = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return [pid for pid in found if pid != os.getpid() and _marked(pid, folder) and alive(pid)]


def kill_all_of(folder: Path, seconds: float = 10) -> list[int]:
    """Kill every process that all_of() finds, until there is none or the time is over.

    Returns those that are left: they start anew faster than they end, or are not ours to kill.
    """
    until = time.monotonic() + seconds
    while (left := all_of(folder)) and time.monotonic() < until:
        for pid in left:
            _kill_marked(pid, folder)
        time.sleep(0.02)
    return left


def _marked(pid: int, folder: Path) -> bool:
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    exact = os.fsencode(folder)
    for name, _, value in (entry.partition(b"=") for entry in entries):
        known = name.startswith(_OURS) or name in MARKS
        if known and (value == exact or value.startswith(exact + b"/")):
            return True
    return False


def _kill_marked(pid: int, folder: Path) -> None:
    """Kill a process if it still is who we took it for: its number may be another's by now."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except OSError:  # a kernel before 5.3 has none
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
        return
    try:
        if _marked(pid, folder):
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
    finally:
        os.close(handle)


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


def _as_user(user: int | None) -> dict[str, Any]:
    if user is None:
        return {}
    entry = pwd.getpwuid(user)
    return {"user": user, "group": entry.pw_gid, "extra_groups": []}


def _kill_session(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)

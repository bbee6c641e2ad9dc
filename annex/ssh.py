"""The way over SSH, by paramiko: the only module that imports it.

One connection serves a whole command, and one remote bash on it every step (annex.framing). Host
keys are checked against known_hosts before anything is told to the host.
"""

import getpass
import logging
import os
import select
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko
from paramiko.pkey import UnknownKeyType

from annex import knownhosts, session, sshconfig
from annex.knownhosts import Verdict
from annex.person import Person
from annex.sshconfig import Login
from annex.transport import Said
from glidein import process
from glidein.errors import AuthError, GlideinError, TransientError

_KEEPALIVE = 30
_HANDSHAKE = 60
_SECOND_FACTOR = 300  # seconds: a person looks for a telephone
_PATIENCE = 3.0  # seconds without a word before we say what is waited for
_TRIES = 3
_MOST_HOPS = 8
_MUCH = 1 << 20

logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


class SshTransport:
    """A machine behind SSH. Connects at the first step; close() ends the connection."""

    def __init__(self, login: Login, person: Person) -> None:
        self._login, self._person = login, person
        self._lines: list[paramiko.Transport] = []
        self._children: list[process.Connected] = []
        self._bash: _Bash | None = None

    @property
    def where(self) -> str:
        """The login, as it was named."""
        return str(self._login)

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Run the text in bash there; see Transport."""
        bash = self._bash or self._open()
        try:
            return session.step(bash, text, seconds, blob)
        except (OSError, EOFError, paramiko.SSHException) as error:
            self.close()
            why = str(error) or type(error).__name__
            raise TransientError(f"{self.where}: the connection was cut: {why}") from error
        except BaseException:
            self.close()  # half a step must not be taken for the beginning of the next
            raise

    def close(self) -> None:
        """End the connection; what runs on the far side goes on without it."""
        for line in self._lines:
            line.close()
        for child in self._children:
            child.close()
        self._bash, self._lines, self._children = None, [], []

    def _open(self) -> "_Bash":
        try:
            channel = self._connect(self._login).open_session(timeout=_HANDSHAKE)
            channel.exec_command("bash")
        except (OSError, EOFError, paramiko.SSHException) as error:
            self.close()
            raise _unreachable(self.where, error) from error
        except BaseException:
            self.close()
            raise
        self._bash = _Bash(channel)
        return self._bash

    def _connect(self, login: Login, depth: int = 0) -> paramiko.Transport:
        """Return a connection that is checked and logged in; close() ends it with the others."""
        line = paramiko.Transport(self._way(login, depth))
        self._lines.append(line)
        line.auth_timeout = _SECOND_FACTOR
        line.banner_timeout = login.timeout
        known = _known(login)
        _prefer(line, known.kinds(login.known_as))
        line.start_client(timeout=login.timeout + _HANDSHAKE)
        _check_host_key(line, login, known, self._person)
        _LogIn(line, login, self._person).go()
        line.set_keepalive(_KEEPALIVE)
        return line

    def _way(self, login: Login, depth: int) -> socket.socket | paramiko.Channel:
        """Return what the connection runs over: a socket, a program, or a channel of a hop."""
        if login.jumps and depth < _MOST_HOPS:
            hop = sshconfig.hop(login)
            before = self._connect(hop, depth + 1)
            return before.open_channel("direct-tcpip", (login.hostname, login.port), ("", 0))
        if login.command:
            child = process.Connected(["/bin/sh", "-c", f"exec {login.command}"])
            self._children.append(child)
            return child.socket
        place = socket.create_connection((login.hostname, login.port), login.timeout)
        place.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        place.settimeout(None)
        return place


def _unreachable(where: str, error: Exception) -> GlideinError:
    """Return what a connection that did not come to be means, and what to try."""
    if isinstance(error, paramiko.AuthenticationException):
        said = "the login was refused" if str(error) == "Authentication failed." else str(error)
        return AuthError(f"{where}: {said}; try it by hand: ssh {where}")
    why = str(error) or type(error).__name__
    return TransientError(f"{where} cannot be reached: {why}; try it by hand: ssh {where}")


def _known(login: Login) -> knownhosts.Known:
    files = []
    for path in login.known_hosts:
        with suppress(OSError):
            files.append((str(path), path.read_text(encoding="utf-8", errors="replace")))
    return knownhosts.read(files)


def _prefer(line: paramiko.Transport, kinds: tuple[str, ...]) -> None:
    """Ask for a host key of a type that is known first: another would look like a changed one."""
    options = line.get_security_options()
    wanted = []
    for kind in kinds:
        wanted += ["rsa-sha2-512", "rsa-sha2-256"] if kind == "ssh-rsa" else [kind]
    first = [each for each in wanted if each in options.key_types]
    options.key_types = [*first, *(each for each in options.key_types if each not in first)]


def _check_host_key(
    line: paramiko.Transport, login: Login, known: knownhosts.Known, person: Person
) -> None:
    """Raise AuthError unless the host is who it was, or the person says that it is right."""
    key = line.get_remote_server_key()
    name, print_ = login.known_as, knownhosts.fingerprint(key.asbytes())
    verdict, where = known.judge(name, key.get_name(), key.asbytes())
    shown = f"{name} shows the key {print_} ({key.get_name()})"
    match verdict:
        case Verdict.SAME:
            return
        case Verdict.CHANGED:
            remedy = f"if the site says that this is right: ssh-keygen -R '{name}'"
            raise AuthError(f"{shown}, {where} knows another: somebody may listen in; {remedy}")
        case Verdict.REVOKED:
            raise AuthError(f"{shown}, which {where} has revoked; ask the site")
        case Verdict.AUTHORITY:
            remedy = f"take OpenSSH's own connection: annex login, or ssh {login}"
            raise AuthError(
                f"{name} is known by a certificate ({where}), which needs ssh; {remedy}"
            )
    _new_host(login, key, shown, person)


def _new_host(login: Login, key: paramiko.PKey, shown: str, person: Person) -> None:
    """Ask about a host that nobody knows here, and remember the answer yes."""
    remedy = f"compare it with what the site publishes, then log in once: ssh {login}"
    if login.checking == "yes" or (login.checking != "accept-new" and not person.there):
        raise AuthError(f"{shown}, and known_hosts has none of it; {remedy}")
    if login.checking == "accept-new":
        person.tell(f"{shown}; it is new and taken, as StrictHostKeyChecking accept-new says")
    elif (
        person.ask(f"{shown}; known_hosts has none of it. Is it right (yes/no)? ", shown=True)
        != "yes"
    ):
        raise AuthError(f"{shown}, and you did not agree; {remedy}")
    line = knownhosts.line(login.known_as, key.get_name(), key.asbytes())
    for path in login.known_hosts[:1]:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(line)


class _Bash:
    """A channel's streams, as annex.session wants them."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def send(self, data: bytes, seconds: float) -> int:
        self._channel.settimeout(seconds)
        return self._channel.send(data)

    def take(self) -> tuple[bytes, bytes]:
        out = self._channel.recv(_MUCH) if self._channel.recv_ready() else b""
        err = self._channel.recv_stderr(_MUCH) if self._channel.recv_stderr_ready() else b""
        return out, err

    def wait(self, seconds: float) -> None:
        select.select([self._channel], [], [], seconds)

    @property
    def ended(self) -> bool:
        return bool(self._channel.closed or self._channel.eof_received)

    def close(self) -> None:
        self._channel.close()


class _LogIn:
    """One login: keys first, then whatever the host asks a person for."""

    def __init__(self, line: paramiko.Transport, login: Login, person: Person) -> None:
        self._line, self._login, self._person = line, login, person
        self._user = login.user or getpass.getuser()
        self._waiting: threading.Timer | None = None

    def go(self) -> None:
        """Log in. Raises AuthError, or what paramiko raises where the connection fails."""
        left = self._by_keys()
        while left:
            left = self._by_person(left)

    def _by_keys(self) -> Sequence[str]:
        """Try each key; return what the host still wants, empty once logged in."""
        for key in self._keys():
            try:
                return self._line.auth_publickey(self._user, key)
            except paramiko.BadAuthenticationType as error:
                return error.allowed_types
            except paramiko.AuthenticationException:
                if not self._line.is_active():
                    raise
        try:
            self._line.auth_none(self._user)
        except paramiko.BadAuthenticationType as error:
            return error.allowed_types
        return ()

    def _keys(self) -> Iterator[paramiko.PKey]:
        """Yield the agent's keys and those of files, the named ones' first; locked ones last."""
        public = {text for path in self._login.identities if (text := _public(path))}
        with _agent(self._login.agent) as held:
            ours = [each for each in held if each.get_base64() in public]
            others = (
                [] if self._login.identities_only else [each for each in held if each not in ours]
            )
            offered = {each.get_base64() for each in (*ours, *others)}
            yield from ours
            locked = []
            for path in self._login.identities:
                if _public(path) in offered:
                    continue
                try:
                    yield paramiko.PKey.from_path(path)
                except (paramiko.PasswordRequiredException, TypeError):
                    locked.append(path)
                except (OSError, ValueError, paramiko.SSHException, UnknownKeyType):
                    continue
            yield from others
        for path in locked if self._person.there else ():
            yield from self._unlocked(path)

    def _unlocked(self, path: Path) -> Iterator[paramiko.PKey]:
        for _ in range(_TRIES):
            phrase = self._person.ask(f"Passphrase of the key {path}: ")
            if not phrase:
                return
            with suppress(ValueError, paramiko.SSHException):
                # Its stubs say text, but what it hands the words to wants bytes.
                yield paramiko.PKey.from_path(path, phrase.encode())  # type: ignore[arg-type]
                return
            self._person.tell(f"that does not open {path}")

    def _by_person(self, left: Sequence[str]) -> Sequence[str]:
        """Let the person answer what the host asks; return what it wants after that."""
        ways = [way for way in ("keyboard-interactive", "password") if way in left]
        if not ways:
            wants = ", ".join(left)
            raise AuthError(f"{self._login}: no key was accepted, the host wants: {wants}; "
                            f"try it by hand: ssh {self._login}")  # fmt: skip
        if not self._person.there:
            raise AuthError(f"{self._login} asks for more than a key, and there is no terminal to "
                            f"ask at; log in first: annex login {self._login.host}")  # fmt: skip
        for attempt in range(_TRIES):
            try:
                return self._answer(ways[0])
            except paramiko.AuthenticationException:
                if attempt + 1 == _TRIES or not self._line.is_active():
                    raise
                self._person.tell("that was not right; again")
            finally:
                self._stop_waiting()
        raise AssertionError("the last try returns or raises")

    def _answer(self, way: str) -> Sequence[str]:
        if way == "password":
            password = self._person.ask(f"{self._user}@{self._login.hostname}'s password: ")
            return self._line.auth_password(self._user, password, fallback=False)
        return self._line.auth_interactive(self._user, self._asked)

    def _asked(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        """Answer one round of the host's questions; a round may have none."""
        self._stop_waiting()
        for text in (title, instructions):
            if text.strip():
                self._person.tell(text.strip())
        answers = [self._person.ask(text, shown=shown) for text, shown in prompts]
        self._waiting = threading.Timer(_PATIENCE, self._say_waiting)
        self._waiting.daemon = True
        self._waiting.start()
        return answers

    def _say_waiting(self) -> None:
        self._person.tell(f"waiting for {self._login.hostname} to let you in")

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()


def _public(path: Path) -> str:
    """Return the public half that lies beside a key, as it stands there; empty for none."""
    with suppress(OSError, IndexError):
        return path.with_name(path.name + ".pub").read_text(errors="replace").split()[1]
    return ""


@contextmanager
def _agent(where: str) -> Iterator[tuple[paramiko.PKey, ...]]:
    """Yield the keys of the agent that IdentityAgent names, else of the usual one."""
    usual = os.environ.get("SSH_AUTH_SOCK")
    if where.lower() == "none":
        yield ()
        return
    if where and where != "SSH_AUTH_SOCK":
        os.environ["SSH_AUTH_SOCK"] = str(Path(os.path.expandvars(where)).expanduser())
    try:
        agent = paramiko.Agent()
    except paramiko.SSHException:
        yield ()
        return
    finally:
        os.environ.pop("SSH_AUTH_SOCK", None)
        if usual is not None:
            os.environ["SSH_AUTH_SOCK"] = usual
    try:
        yield agent.get_keys()
    finally:
        agent.close()

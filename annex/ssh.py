"""SSH by paramiko, and its only door: one connection carries all steps of a command.

What paramiko raises ends here: a host key or a login that is refused is an AuthError, a network
that fails a TransientError. paramiko's own log is silent unless the program asks for it.
"""

import logging
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
from paramiko.agent import AgentSSH

from annex import exchange, framing, sshconfig, ways
from annex.entering import Handler, Key, NeedsPassphrase, Outcome, enter
from annex.framing import Said
from annex.prompting import Nobody, Prompter
from annex.sshconfig import Login
from annex.trust import Trust
from annex.ways import Way
from glidein.errors import ConfigError, RejectedError, TransientError

KEEP_ALIVE = 30
_MOST_HOPS = 8
_RSA = ("rsa-sha2-512", "rsa-sha2-256")
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class SshTransport:
    """A far system over SSH: opened at the first step, one bash for all steps.

    A step that is cut off closes the connection; the next one opens another.
    """

    def __init__(
        self, login: Login, ask: Prompter | None = None, trust: Trust | None = None
    ) -> None:
        self.where = login.host
        self._login = login
        self._ask = ask or Nobody()
        self._trust = trust or Trust(self._ask)
        self._open = ExitStack()
        self._shell: Any = None

    def step(self, text: str, seconds: float, blob: Path | None = None) -> Said:
        """Run the text in bash there, for at most `seconds` once the connection stands."""
        size = blob.stat().st_size if blob else 0
        frame = framing.frame(text, size)
        if self._shell is None:
            self.open()
        try:
            return exchange.exchange(self.where, self._shell, frame, blob, seconds)
        except BaseException:
            self.close()
            raise

    def open(self) -> None:
        """Connect and log in. Raises AuthError, TransientError, RejectedError."""
        with ExitStack() as opened:
            link = _through(self._login, _Openings(self._ask, self._trust, opened))
            self._shell = link.shell()
            self._open = opened.pop_all()

    def close(self) -> None:
        """End the connection; not open is success."""
        self._shell = None
        self._open.close()


def read_config(host: str, path: Path) -> str:
    """Return what a configuration file says of a host, in the words of `ssh -G`."""
    try:
        config = paramiko.SSHConfig.from_path(str(path))
    except FileNotFoundError:
        return f"hostname {host}\n"
    except (OSError, paramiko.ConfigParseError) as error:
        raise ConfigError.one("ssh", f"{path}: {error}") from error
    lines = []
    for word, value in config.lookup(host).items():
        values = value if isinstance(value, list) else [value]
        lines += [f"{word} {each}" for each in values]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Openings:
    """What every hop of a way needs: whom to ask, whom to trust, and who closes it."""

    ask: Prompter
    trust: Trust
    opened: ExitStack


def _through(login: Login, openings: _Openings, depth: int = 0) -> "_Link":
    """Return a link to the login's host, over the hops of its ProxyJump, each one checked."""
    if depth > _MOST_HOPS:
        raise ConfigError.one("ProxyJump", f"the way to {login.host} goes in circles")
    link: _Link | None = None
    for hop in login.proxy_jump:
        user, host, port = sshconfig.hop(hop)
        gate = sshconfig.resolve(host, user, port=port, config=login.config)
        if link is None:
            link = _through(gate, openings, depth + 1)
        else:
            link = _entered(gate, link.way_to(gate), openings)
    way = link.way_to(login) if link else ways.straight(login, openings.opened)
    return _entered(login, way, openings)


def _entered(login: Login, way: Way, openings: _Openings) -> "_Link":
    link = _Link(login, way)
    openings.opened.callback(link.close)
    link.meet(openings.trust)
    enter(link, login, openings.ask)
    return link


class _Link:
    """A connection to one host."""

    def __init__(self, login: Login, way: Way) -> None:
        self._login, self._way = login, way
        self._transport = paramiko.Transport(way.socket)
        self._transport.banner_timeout = login.connect_timeout
        self._agent: AgentSSH | None = None

    def meet(self, trust: Trust) -> None:
        """Agree on keys with the host, and see that it is the one we know."""
        options = self._transport.get_security_options()
        options.key_types = _wanted(options.key_types, self._login, trust.types(self._login))
        try:
            self._transport.start_client(timeout=self._login.connect_timeout)
            key = self._transport.get_remote_server_key()  # raises if that time ran out
        except paramiko.IncompatiblePeer as error:
            host = self._login.host
            raise RejectedError(
                f"{host}: {error}. The ssh program may do: run `glidein annex login {host}`"
            ) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            told = self._transport.get_exception() or error
            raise self._broken("it did not begin to talk SSH", told) from error
        trust.check(self._login, key.get_name(), key.asbytes())
        self._transport.set_keepalive(KEEP_ALIVE)

    def allowed(self) -> Outcome:
        """Ask the server what it takes."""
        return self._try(lambda: self._transport.auth_none(self._login.user))

    def agent_keys(self) -> list[Key]:
        """Return the keys of the user's agent; one that does not answer has none."""
        path = ways.agent(self._login)
        if not path:
            return []
        if self._agent is None:
            try:
                self._agent = _Agent(path)
            except (OSError, paramiko.SSHException):
                return []
        return list(self._agent.get_keys())

    def file_key(self, path: Path, passphrase: str | None = None) -> Key | None:
        """Return the key of a file; None if there is none that paramiko can use."""
        try:
            key: Key = paramiko.PKey.from_path(path, passphrase.encode() if passphrase else None)
        except (paramiko.PasswordRequiredException, TypeError):
            raise NeedsPassphrase from None
        except Exception:  # one of many kinds: whatever is wrong with it, other keys may do
            if passphrase:
                raise NeedsPassphrase from None
            return None
        return key

    def try_key(self, key: Key) -> Outcome:
        """Show that we hold a key."""
        self._transport.auth_timeout = 60
        return self._try(lambda: self._transport.auth_publickey(self._login.user, key))

    def try_answers(self, handler: Handler) -> Outcome:
        """Let the server ask; how long that may take is the caller's to say."""
        self._transport.auth_timeout = None
        return self._try(lambda: self._transport.auth_interactive(self._login.user, handler))

    def try_password(self, password: str) -> Outcome:
        """Send a password."""
        self._transport.auth_timeout = 60
        user = self._login.user
        return self._try(lambda: self._transport.auth_password(user, password, fallback=False))

    def way_to(self, login: Login) -> Way:
        """Return a way from this host to another one."""
        address = (login.hostname, login.port)
        try:
            channel = self._transport.open_channel(
                "direct-tcpip", address, ("127.0.0.1", 0), timeout=login.connect_timeout
            )
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise TransientError(
                f"{login.host}: {login.hostname} port {login.port} cannot be reached from "
                f"{self._login.host}: {error}"
            ) from error
        return Way(channel)

    def shell(self) -> Any:
        """Start the bash that all steps go through."""
        try:
            channel = self._transport.open_session(timeout=self._login.connect_timeout)
            channel.exec_command("bash")
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._broken("no command can be run there", error) from error
        return channel

    def close(self) -> None:
        """Hang up."""
        if self._agent:
            self._agent.close()
        with suppress(OSError, EOFError):
            self._transport.close()

    def _try(self, attempt: Callable[[], Any]) -> Outcome:
        try:
            left = attempt()
        except paramiko.BadAuthenticationType as error:
            return Outcome(allowed=tuple(error.allowed_types))
        except (paramiko.SSHException, OSError, EOFError) as error:
            if isinstance(error, paramiko.AuthenticationException) and self._transport.is_active():
                return Outcome()
            raise self._broken("it hung up during the login", error) from error
        return Outcome(not left, bool(left), tuple(left) if left else None)

    def _broken(self, what: str, error: BaseException) -> TransientError:
        why = " ".join(f"{error} {self._way.heard()}".split()) or type(error).__name__
        return TransientError(f"{self._login.host}: {what}: {why}. Run it again in a while")


class _Agent(AgentSSH):  # type: ignore[misc]
    """The agent behind a socket: paramiko's own Agent knows SSH_AUTH_SOCK only."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._line.connect(path)
            self._connect(self._line)
        except BaseException:
            self._line.close()
            raise

    def close(self) -> None:
        """Hang up."""
        self._line.close()


def _wanted(able: tuple[str, ...], login: Login, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return host-key types in the order to ask for them: what is known first."""
    chosen = [name for name in login.host_key_algorithms if name in able] or list(able)
    first = [name for name in chosen if name in known or (name in _RSA and "ssh-rsa" in known)]
    return tuple(first + [name for name in chosen if name not in first])

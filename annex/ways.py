"""Ways to a host: the sockets that SSH is spoken through, and the agent's."""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from annex.sshconfig import Login
from glidein import process
from glidein.errors import TransientError

_SILENCE = 90  # seconds until the kernel gives up what it sent and nobody confirmed


@dataclass(frozen=True, slots=True)
class Way:
    """Something like a socket, and what was said while it was made."""

    socket: Any
    heard: Callable[[], str] = str


def straight(login: Login, opened: ExitStack) -> Way:
    """Return a way to the host, by ProxyCommand or without; it closes with `opened`."""
    if login.proxy_command:
        shell = os.environ.get("SHELL") or "/bin/sh"
        command = login.expand(login.proxy_command)
        tunnel = process.Tunnel([shell, "-c", f"exec {command}"])
        opened.callback(tunnel.close)
        return Way(tunnel.socket, tunnel.heard)
    try:
        address = (login.hostname, login.port)
        way = socket.create_connection(address, timeout=login.connect_timeout)
    except OSError as error:
        raise TransientError(
            f"{login.host}: {login.hostname} port {login.port} cannot be reached: "
            f"{error.strerror or error}. Check the name and the network, then run it again"
        ) from error
    opened.callback(way.close)
    way.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    way.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        way.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENCE * 1000)
    return Way(way)


def agent(login: Login) -> str:
    """Return the path of the agent's socket; nothing if no agent may be asked."""
    named = login.identity_agent
    if named.lower() == "none":
        return ""
    if named in ("", "SSH_AUTH_SOCK"):
        return os.environ.get("SSH_AUTH_SOCK", "")
    return os.environ.get(named[1:], "") if named.startswith("$") else login.expand(named)

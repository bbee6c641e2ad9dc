"""Trust: whether the key that a host shows is the host's, and who says so.

No new key is accepted silently; a key that is not the one on file is never accepted.
"""

import os
from pathlib import Path

from annex import knownhosts
from annex.knownhosts import Known, Verdict
from annex.prompting import Prompter
from annex.sshconfig import Login
from glidein.errors import AuthError


class Trust:
    """Judges host keys by the user's known_hosts files, and asks the user about new ones."""

    def __init__(self, ask: Prompter) -> None:
        self._ask = ask

    def types(self, login: Login) -> tuple[str, ...]:
        """Return the types of the host's keys that are known, to be asked for first."""
        return known(login).types(*login.known_as)

    def check(self, login: Login, keytype: str, key: bytes) -> None:
        """Return if that is the host's key. Raises AuthError, which says what to do."""
        files = known(login)
        verdict = files.judge(*login.known_as, keytype, key)
        if verdict is Verdict.REVOKED:
            raise AuthError(_revoked(login, files, key))
        if verdict is Verdict.CHANGED:
            raise AuthError(_changed(login, files, keytype, key))
        if verdict is Verdict.BY_AUTHORITY:
            raise AuthError(
                f"{login.host}: its key is vouched for by a certificate authority, which only the "
                f"ssh program can check. Run `glidein annex login {login.host}` first"
            )
        if verdict is Verdict.NEW:
            self._new(login, files, keytype, key)

    def _new(self, login: Login, files: Known, keytype: str, key: bytes) -> None:
        told = f"the {keytype} key of {_name(login)} is {knownhosts.fingerprint(key)}"
        others = files.types(*login.known_as)
        if others:
            told += f" (known for it: keys of type {', '.join(others)})"
        if login.host_key_checking == "yes":
            raise AuthError(f"{login.host}: StrictHostKeyChecking is yes and {told}, not yet known")
        if login.host_key_checking == "accept-new" and not others:
            self._ask.say(f"New host, accepted as StrictHostKeyChecking says: {told}")
        elif not self._may_ask(login):
            raise AuthError(
                f"{login.host}: the host is new here: {told}. "
                f"Run `ssh {login.host}` once, compare the fingerprint and answer yes"
            )
        elif not self._ask.agreed(
            f"The host is new here: {told}.\nIs that what its operators publish? Connect?"
        ):
            raise AuthError(f"{login.host}: its key was not accepted")
        self._remember(login, keytype, key)

    def _may_ask(self, login: Login) -> bool:
        return self._ask.can_ask and not login.batch_mode

    def _remember(self, login: Login, keytype: str, key: bytes) -> None:
        """Append the key to the user's first file; without one, it is asked for again."""
        line = knownhosts.line(*login.known_as, keytype, key)
        for path in login.user_known_hosts[:1]:
            try:
                _append(path, line)
            except OSError as error:
                self._ask.say(f"The key could not be written to {path}: {error.strerror}")


def known(login: Login) -> Known:
    """Return what the login's files say; one that is not there or not readable says nothing."""
    files = (*login.user_known_hosts, *login.global_known_hosts)
    return Known.of((str(path), _text(path)) for path in files)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        unended = file.read(1) not in (b"", b"\n")
        file.write((b"\n" if unended else b"") + line.encode())


def _name(login: Login) -> str:
    return f"{login.host} ({login.hostname} port {login.port})"


def _changed(login: Login, files: Known, keytype: str, key: bytes) -> str:
    line = files.other(*login.known_as, keytype, key)
    on_file = f"{knownhosts.fingerprint(line.key)} ({line.where})" if line else "another"
    where = line.where.rpartition(":")[0] if line else "known_hosts"
    name = knownhosts.written(*login.known_as)
    return (
        f"{login.host}: the {keytype} key of the host CHANGED. It shows "
        f"{knownhosts.fingerprint(key)}, on file is {on_file}. Somebody may be listening in; "
        f"nothing was sent. Ask its operators, and only if they say so, remove the old key: "
        f"ssh-keygen -f {where} -R '{name}'"
    )


def _revoked(login: Login, files: Known, key: bytes) -> str:
    line = files.revoking(*login.known_as, key)
    return (
        f"{login.host}: the host shows the key {knownhosts.fingerprint(key)}, which is revoked "
        f"({line.where if line else 'known_hosts'}). Nothing was sent. Ask its operators"
    )

"""A real sshd on loopback, with second factors as sites have them, for made users.

gltest1 logs in with a key; gltest2 with a key and then a password and a one-time password, in two
rounds, and a wait as for a push; gltest3 with a key, into csh behind a noisy profile. gltest2's
answers are PASSWORD and the codes of HOTP: each is good once.
"""

import base64
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from annex.sshconfig import Login
from glidein import process

PASSWORD = "hunter's 2"
SECRET = "3132333435363738393031323334353637383930"  # RFC 4226's own example, in hex
CODES = ("755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583")
BANNER = "* this computer is watched *\n"

_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
StrictModes no
UsePAM yes
AuthorizedKeysFile {folder}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication yes
AuthenticationMethods publickey
Banner {folder}/banner
UseDNS no
AcceptEnv *
MaxAuthTries 20
Match User gltest2
  AuthenticationMethods publickey,keyboard-interactive:pam
Match User gltest3
  ForceCommand /bin/tcsh -c "echo noise of a login shell; exec $SSH_ORIGINAL_COMMAND"
"""
_PAM = """\
auth required pam_exec.so expose_authtok quiet {folder}/password
auth required pam_oath.so usersfile={folder}/oath window=8 digits=6
auth optional pam_exec.so quiet {folder}/push
account required pam_permit.so
session required pam_permit.so
"""


@dataclass
class Sshd:
    """A running sshd; `key` logs every made user in, or half in."""

    folder: Path
    port: int
    key: Path
    pid: int = 0
    codes: list[str] = field(default_factory=lambda: list(CODES))

    def login(self, user: str, **more: object) -> Login:
        """Return how to log in as that user, its host key known."""
        usual: dict[str, object] = {
            "port": self.port, "user": user, "identities": (self.key,), "agent": "none",
            "known_hosts": (self.folder / "known_hosts",),
        }  # fmt: skip
        return Login("127.0.0.1", "127.0.0.1", **{**usual, **more})  # type: ignore[arg-type]

    def known_line(self, key: str = "host_key", name: str = "") -> str:
        """Return the line of known_hosts for one of its keys."""
        kind, text = (self.folder / f"{key}.pub").read_text().split()[:2]
        return f"{name or f'[127.0.0.1]:{self.port}'} {kind} {text}\n"

    def know(self, *lines: str) -> None:
        """Let these lines be all that is known."""
        (self.folder / "known_hosts").write_text("".join(lines))

    def renew(self) -> None:
        """Make all one-time codes good again."""
        (self.folder / "oath").write_text(f"HOTP gltest2 - {SECRET}\n")
        self.codes = list(CODES)

    def sessions(self) -> list[int]:
        """Return the processes that serve connections now, a connection's first one only."""
        return _children(self.pid)

    def cut(self) -> None:
        """End every connection without a word, as a reboot of the host does."""
        for first in self.sessions():
            for pid in (first, *_children(first)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    said = process.run(["ps", "--ppid", str(pid), "-o", "pid="], timeout=9, check=False).stdout
    return [int(each) for each in said.split()]


def keygen(path: Path, kind: str = "ed25519", phrase: str = "") -> Path:
    """Make a key and return its path."""
    argv: list[str | Path] = ["ssh-keygen", "-q", "-t", kind, "-N", phrase, "-C", "bed", "-f", path]
    process.run(argv, timeout=30)
    return path


@contextmanager
def serving(folder: Path) -> Iterator[Sshd]:
    """Yield an sshd whose files lie in `folder`, which all can enter. Root only."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = keygen(folder / "key")
    for name in ("host_key", "other_key"):
        keygen(folder / name)
    (folder / "authorized_keys").write_text((folder / "key.pub").read_text())
    (folder / "banner").write_text(BANNER)
    (folder / "sshd_config").write_text(_CONFIG.format(port=port, folder=folder))
    (folder / "pam").write_text(_PAM.format(folder=folder))
    word = base64.b64encode(PASSWORD.encode()).decode()
    check = f'#!/bin/bash\n[[ $(tr -d "\\0" | base64) == "{word}" ]]\n'
    for name, text in (("password", check), ("push", "#!/bin/bash\nsleep 0.2\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    bed = Sshd(folder, port, key)
    bed.renew()
    bed.know(bed.known_line())
    Path("/run/sshd").mkdir(exist_ok=True)
    start = f"mount --bind {folder}/pam /etc/pam.d/sshd && exec /usr/sbin/sshd -D -e -f {folder}/sshd_config"  # noqa: E501
    argv = ["unshare", "--mount", "--propagation", "private", "bash", "-c", start]
    bed.pid = process.spawn(argv, log=folder / "log")
    try:
        _wait(port)
        yield bed
    finally:
        with suppress(ProcessLookupError):
            os.killpg(bed.pid, signal.SIGTERM)


def _wait(port: int) -> None:
    until = time.monotonic() + 10
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > until:
            raise AssertionError("sshd did not come up")
        time.sleep(0.05)

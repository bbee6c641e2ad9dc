"""A far system: a real sshd on loopback with users, passwords and second factors of its own.

It lives in a mount namespace where /etc is an overlay, so the machine knows nothing of its users.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from glidein import process
from tests.beds.pools import open_folder

PASSWORD = "correct horse"
USERS = ("alice", "bob", "carl", "dora", "nina", "nobash", "pia")
_PAM = """\
auth [success=ignore default=1] pam_succeed_if.so quiet user = pia
auth [success=done default=die] pam_exec.so quiet stdout {folder}/push
auth required pam_unix.so nodelay
auth [success=1 default=ignore] pam_succeed_if.so quiet user = dora
auth required pam_oath.so usersfile={folder}/oath/users digits=6 window=5
account required pam_unix.so
session required pam_permit.so
"""
_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
UsePAM yes
UseDNS no
StrictModes no
PrintMotd no
MaxStartups 200
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile {folder}/keys/%u
HostKey {folder}/host_ed25519
HostCertificate {folder}/host_ed25519-cert.pub
HostKey {folder}/host_ecdsa
HostKey {folder}/host_rsa
PidFile none
{newer}
Match User bob,pia
 KbdInteractiveAuthentication yes
 AuthenticationMethods publickey,keyboard-interactive
Match User dora
 PasswordAuthentication yes
 PubkeyAuthentication no
Match User nina
 Banner {folder}/banner
"""
_INSIDE = """\
set -e
mount -t overlay overlay -o lowerdir=/etc,upperdir="$1/etc",workdir="$1/work" /etc
mount -t tmpfs tmpfs /run
mkdir /run/sshd
exec /usr/sbin/sshd -D -e -f "$1/sshd_config"
"""


@dataclass
class Sshd:
    """The running sshd; `secret` is what bob's codes are made of, one after another."""

    folder: Path
    port: int = 0
    pid: int = 0
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(20))
    used: int = 0

    def start(self) -> None:
        """Start it on a free port, and come back when it greets."""
        self._files()
        for _ in range(5):
            self._spawn()
            if self._greets():
                return
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        """End it with everything it started."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def code(self) -> str:
        """Return bob's next code."""
        digest = hmac.new(self.secret, self.used.to_bytes(8, "big"), hashlib.sha1).digest()
        self.used += 1
        at = digest[-1] & 15
        return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"

    def home(self, user: str) -> Path:
        """Return where a user is at home there."""
        return self.folder / "home" / user

    def key(self, name: str) -> Path:
        """Return a private key that every user of the far system lets in: plain or locked."""
        return self.folder / name

    def host_key(self, keytype: str = "ed25519") -> str:
        """Return a public key of the host: its type and itself."""
        words = (self.folder / f"host_{keytype}.pub").read_text().split()
        return " ".join(words[:2])

    def fingerprint(self, keytype: str = "ed25519") -> str:
        """Return what ssh shows of the host's key."""
        digest = hashlib.sha256(base64.b64decode(self.host_key(keytype).split()[1])).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    def known(self, keytype: str = "ed25519") -> str:
        """Return the known_hosts line that is right."""
        return f"[127.0.0.1]:{self.port} {self.host_key(keytype)}\n"

    def vouched(self) -> str:
        """Return the known_hosts line of the authority that vouches for the host."""
        return f"@cert-authority * {(self.folder / 'authority.pub').read_text()}"

    def sessions(self, user: str) -> list[int]:
        """Return the processes of sshd that serve a user."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                title = (entry / "cmdline").read_bytes().decode(errors="replace")
                if title.startswith(f"sshd: {user}") and self.pid in _ancestors(int(entry.name)):
                    found.append(int(entry.name))
        return found

    def config(
        self, folder: Path, user: str = "alice", known: str | None = None, **more: str
    ) -> Path:
        """Write a client's configuration for the host `far`; return its path."""
        (folder / "known_hosts").write_text(self.known() if known is None else known)
        words = {
            "HostName": "127.0.0.1", "Port": str(self.port), "User": user,
            "IdentityFile": str(self.key("plain")), "IdentitiesOnly": "yes",
            "IdentityAgent": "none", "UserKnownHostsFile": str(folder / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null", "ConnectTimeout": "10", **more,
        }  # fmt: skip
        lines = [f" {word} {value}\n" for word, value in words.items()]
        (folder / "config").write_text("Host *\n" + "".join(lines))
        return folder / "config"

    def _spawn(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        version = re.search(r"OpenSSH_(\d+)\.(\d+)", process.run(["ssh", "-V"], timeout=9).stderr)
        newer = version is not None and (int(version[1]), int(version[2])) >= (9, 8)
        text = _CONFIG.format(
            folder=self.folder, port=self.port, newer="PerSourcePenalties no" if newer else ""
        )
        (self.folder / "sshd_config").write_text(text)
        words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        argv = [*words, "--propagation", "private", "sh", "-c", _INSIDE, "sh", str(self.folder)]
        self.pid = process.spawn(argv, log=self.folder / "log")

    def _greets(self) -> bool:
        for _ in range(200):
            if not process.alive(self.pid):
                return False
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as line:
                if line.recv(4) == b"SSH-":
                    return True
            time.sleep(0.02)
        return False

    def _files(self) -> None:
        for name in ("etc/pam.d", "work", "keys", "home", "oath"):
            (self.folder / name).mkdir(parents=True)
        for keytype, bits in (("ed25519", "256"), ("ecdsa", "256"), ("rsa", "2048")):
            _keygen(self.folder / f"host_{keytype}", "", "-t", keytype, "-b", bits)
        _keygen(self.folder / "authority", "")
        argv: list[str | Path] = ["ssh-keygen", "-q", "-s", self.folder / "authority", "-I", "far"]
        process.run([*argv, "-h", self.folder / "host_ed25519.pub"], timeout=20)
        _keygen(self.folder / "plain", "")
        _keygen(self.folder / "locked", "open sesame")
        _keygen(self.folder / "stranger", "")
        (self.folder / "banner").write_text("*** Authorised use only ***\n" * 40)
        push = self.folder / "push"
        push.write_text("#!/bin/sh\necho 'Confirm it on your telephone'\nsleep 2\n")
        push.chmod(0o755)
        users = self.folder / "oath/users"
        users.touch(mode=0o600)
        users.write_text(f"HOTP/E/6\tbob\t-\t{self.secret.hex()}\n")
        (self.folder / "etc/pam.d/sshd").write_text(_PAM.format(folder=self.folder))
        self._users()

    def _users(self) -> None:
        passwd, shadow = Path("/etc/passwd").read_text(), Path("/etc/shadow").read_text()
        told = process.run(["openssl", "passwd", "-6", PASSWORD], timeout=20).stdout.strip()
        both = "".join((self.folder / f"{name}.pub").read_text() for name in ("plain", "locked"))
        for number, name in enumerate(USERS, 64101):
            shell = "/bin/tcsh" if name == "carl" else "/bin/bash"
            home = self.home(name)
            home.mkdir()
            os.chown(home, number, 100)
            passwd += f"{name}:x:{number}:100::{home}:{shell}\n"
            shadow += f"{name}:{told}:19000:0:99999:7:::\n"
            if name != "dora":
                (self.folder / "keys" / name).write_text(both)
        (self.folder / "etc/passwd").write_text(passwd)
        (self.folder / "etc/shadow").touch(mode=0o600)
        (self.folder / "etc/shadow").write_text(shadow)
        noise = "echo noise; echo more noise >&2; export NOISY=1; stty -echo\n"
        (self.home("nina") / ".bashrc").write_text(noise)


@contextmanager
def running() -> Iterator[Sshd]:
    """Yield a running sshd. Root only."""
    with open_folder("gls-") as folder:
        bed = Sshd(folder)
        try:
            bed.start()
            yield bed
        finally:
            bed.stop()


def _keygen(path: Path, passphrase: str, *options: str) -> None:
    argv = ["ssh-keygen", "-q", "-N", passphrase, *(options or ("-t", "ed25519")), "-f", str(path)]
    process.run(argv, timeout=60)


def _ancestors(pid: int) -> Iterator[int]:
    while pid > 1:
        yield pid
        status = Path(f"/proc/{pid}/stat").read_text()
        pid = int(status.rpartition(")")[2].split()[1])

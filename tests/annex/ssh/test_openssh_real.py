"""The way over SSH by the user's own ssh program, over a master that a person opened once."""

import os
import pty
import select
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.beds import pools
from tests.beds.sshd import PASSWORD, Sshd

pytestmark = [pytest.mark.real, pytest.mark.root]

CLIENT = Path(__file__).with_name("client.py")
ROOT = CLIENT.parents[3]
CONFIG = """\
Host bed jump
  HostName 127.0.0.1
  Port {port}
Host bed
  User gltest2
Host jump
  User gltest1
  ProxyJump gltest1@127.0.0.1:{port},gltest3@127.0.0.1:{port}
Host card
  HostName 127.0.0.1
  PKCS11Provider /usr/lib/card.so
Host *
  IdentityFile ~/.ssh/key
  IdentitiesOnly yes
"""


@dataclass
class Desk:
    """A person's machine: a home with a ~/.ssh of its own, and a terminal."""

    folder: Path

    def types(self, *words: str, answers: Sequence[tuple[str, str]] = ()) -> str:
        """Run the client at a real terminal, answering what is asked; return what was shown."""
        mount = f'mount --bind {self.folder}/ssh /root/.ssh && exec "$@"'
        argv = ["unshare", "--mount", "bash", "-c", mount, "x", sys.executable, str(CLIENT), *words]
        env = {"PATH": "/usr/bin:/bin", "HOME": "/root", "XDG_RUNTIME_DIR": str(self.folder),
               "PYTHONPATH": str(ROOT)}  # fmt: skip
        return at_terminal(argv, list(answers), env)


def at_terminal(argv: list[str], answers: list[tuple[str, str]], env: dict[str, str]) -> str:
    """Run a program at a terminal; answer each question, in order; return what was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(argv[0], argv, env)  # noqa: S606 - what a terminal's program is
    shown, place, until = "", 0, time.monotonic() + 30
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            shown += os.read(terminal, 4096).decode(errors="replace")
        except OSError:
            break
        if answers and answers[0][0] in shown[place:]:
            place = len(shown)
            os.write(terminal, answers.pop(0)[1].encode() + b"\n")
    os.close(terminal)
    os.waitpid(pid, 0)
    return shown


@pytest.fixture
def desk(host: Sshd) -> Iterator[Desk]:
    with pools.open_folder("gld-") as folder:
        folder.chmod(0o700)
        (folder / "ssh").mkdir(mode=0o700)
        Path("/root/.ssh").mkdir(mode=0o700, exist_ok=True)
        (folder / "ssh/config").write_text(CONFIG.format(port=host.port))
        (folder / "ssh/key").write_text(host.key.read_text())
        (folder / "ssh/key").chmod(0o600)
        (folder / "ssh/known_hosts").write_text(host.known_line())
        made = Desk(folder)
        yield made
        made.types("logout", "bed")


def factors(host: Sshd) -> list[tuple[str, str]]:
    return [("assword", PASSWORD), ("ne-time", host.codes.pop(0))]


def test_after_a_login_no_second_factor_is_asked_any_more(desk: Desk, host: Sshd) -> None:
    assert "OPEN True" in desk.types("login", "bed", answers=factors(host))
    said = desk.types("step", "bed", "id -un//echo again; exit 3")
    assert "OpenSshTransport 0 gltest2" in said
    assert "OpenSshTransport 3 again" in said
    assert "assword" not in said
    assert "OPEN False" in desk.types("logout", "bed")
    assert "SshTransport 0 gltest2" in desk.types("step", "bed", "id -un", answers=factors(host))


def test_without_a_login_a_person_at_a_terminal_is_asked(desk: Desk, host: Sshd) -> None:
    said = desk.types("step", "bed", "id -un//id -un", answers=factors(host))
    assert said.count("SshTransport 0 gltest2") == 2
    assert said.count("One-time password") == 1
    assert PASSWORD not in said


def test_a_login_that_is_refused_is_an_error_of_ours(desk: Desk, host: Sshd) -> None:
    wrong = [("assword", "wrong"), ("ne-time", "000000")] * 3
    said = desk.types("login", "bed", answers=wrong)
    assert "AuthError gltest2@bed: ssh did not log in" in said or "AuthError bed: ssh did" in said


def test_a_master_that_died_is_no_way(desk: Desk, host: Sshd) -> None:
    assert "OPEN True" in desk.types("login", "bed", answers=factors(host))
    host.cut()
    said = desk.types("step", "bed", "id -un", answers=factors(host))
    assert "SshTransport 0 gltest2" in said


def test_through_two_hops_each_of_which_is_checked(desk: Desk, host: Sshd) -> None:
    assert "SshTransport 0 gltest1" in desk.types("step", "jump", "id -un")
    (desk.folder / "ssh/known_hosts").write_text(host.known_line("other_key"))
    assert "knows another" in desk.types("step", "jump", "id -un")


def test_what_only_openssh_can_do_asks_for_a_login(desk: Desk) -> None:
    said = desk.types("step", "card", "true")
    assert "AuthError" in said
    assert "annex login card" in said


def test_a_folder_for_sockets_that_others_can_enter_is_refused(desk: Desk) -> None:
    (desk.folder / "glidein").mkdir()
    (desk.folder / "glidein").chmod(0o777)
    assert "ConfigError XDG_RUNTIME_DIR" in desk.types("step", "bed", "true")
    (desk.folder / "glidein").rmdir()
    (desk.folder / "glidein").symlink_to("/root")
    assert "ConfigError XDG_RUNTIME_DIR" in desk.types("step", "bed", "true")
    (desk.folder / "glidein").unlink()

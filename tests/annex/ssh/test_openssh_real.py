"""The ssh program as a way: over a master that is logged in, and without one."""

import os
import signal
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from annex import sshconfig
from annex.framing import Said
from annex.openssh import Master, OpenSshTransport
from annex.reaching import open_master, reach
from annex.ssh import SshTransport
from annex.transport import LocalTransport, Transport
from glidein.errors import AuthError, ConfigError, RejectedError, TransientError
from tests.annex.ssh.conftest import Sits
from tests.beds import ports
from tests.beds.pools import open_folder
from tests.beds.sshd import PASSWORD, Sshd

pytestmark = [pytest.mark.real, pytest.mark.root]
HELLO = {"status": 0, "out": "hello\n", "err": ""}


@pytest.fixture(autouse=True)
def sockets() -> Iterator[Path]:
    """A short folder for the sockets of this test alone."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    with open_folder("glx-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = str(folder)
        yield folder
        os.environ.pop("XDG_RUNTIME_DIR")
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before


@pytest.fixture
def master(bed: Sshd, tmp_path: Path) -> Iterator[Master]:
    """A master for bob that is not open yet; it ends with the test."""
    made = Master(sshconfig.resolve("far", config=bed.config(tmp_path, "bob")))
    yield made
    made.close()


def by_ssh(config: Path) -> OpenSshTransport:
    return OpenSshTransport(sshconfig.resolve("far", config=config))


def test_a_login_at_a_terminal_serves_later_commands_without_one(
    bed: Sshd, sits: Sits, tmp_path: Path, master: Master, sockets: Path
) -> None:
    assert not master.is_open
    person = sits(tmp_path / "config", "echo hello", way="login")
    person.sees("Password: ")
    person.types(PASSWORD)
    person.sees("One-time password")
    person.types(bed.code())
    assert person.gets() == [HELLO]
    assert (sockets / "glidein").stat().st_mode & 0o777 == 0o700
    assert master.is_open
    far = reach(sshconfig.resolve("far", config=tmp_path / "config"))
    assert isinstance(far, OpenSshTransport)
    assert far.step("id -un", 20) == Said(0, "bob\n", "")
    far.close()
    again = sits(tmp_path / "config", "echo hello", way="login")
    assert again.gets() == [HELLO]
    assert "Password" not in again.shown
    master.close()
    assert not master.is_open
    assert isinstance(reach(sshconfig.resolve("far", config=tmp_path / "config")), SshTransport)


def test_a_login_that_fails_says_so(sits: Sits, tmp_path: Path, master: Master) -> None:
    person = sits(tmp_path / "config", "echo hello", way="login")
    for _ in range(3):
        person.sees("Password: ")
        person.types("nonsense")
        person.sees("One-time password")
        person.types("nonsense")
    (news,) = person.gets()
    assert news["error"] == "AuthError"
    assert "far: the login failed; see above" in news["why"]
    assert "Permission denied" in person.shown
    assert not master.is_open


def test_a_master_that_died_is_opened_anew(bed: Sshd, tmp_path: Path) -> None:
    master = Master(sshconfig.resolve("far", config=bed.config(tmp_path)))
    master.open(30)
    (server,) = [each for each in bed.sessions("alice") if each == min(bed.sessions("alice"))]
    os.kill(server, signal.SIGKILL)
    Path(master.control).unlink(missing_ok=True)
    Path(master.control).touch()
    assert not master.is_open
    master.open(30)
    assert master.is_open
    master.close()


def test_a_master_of_the_user_s_own_is_used(bed: Sshd, tmp_path: Path, sockets: Path) -> None:
    config = bed.config(tmp_path, ControlPath=str(sockets / "%C"))
    login = sshconfig.resolve("far", config=config)
    assert open_master(login) == ""
    theirs = Master(login, login.control_path)
    theirs.open(30)
    far = reach(login)
    assert isinstance(far, OpenSshTransport)
    assert open_master(login) == login.control_path
    assert far.step("echo hello", 20).out == "hello\n"
    theirs.close()


@pytest.mark.parametrize("user", ["alice", "carl", "nina"])
def test_steps_by_the_ssh_program_answer_as_local_ones(
    bed: Sshd, tmp_path: Path, user: str
) -> None:
    config = bed.config(tmp_path, user, RemoteCommand="tmux", RequestTTY="yes", ForwardX11="yes")
    for text in ("echo 'a  b' \"$HOME\"; echo err >&2; exit 7", "printf 'no end'", "exit 255"):
        local = LocalTransport(("env", f"HOME={bed.home(user)}", "bash")).step(text, 20)
        assert by_ssh(config).step(text, 20) == local


def test_a_big_file_arrives_whole(bed: Sshd, tmp_path: Path) -> None:
    content = os.urandom(20_000_000)
    (tmp_path / "blob").write_bytes(content)
    said = by_ssh(bed.config(tmp_path)).step("sha256sum <&9", 60, tmp_path / "blob")
    assert said == Said(0, f"{sha256(content).hexdigest()}  -\n", "")


def test_a_far_side_that_refuses_or_fails_is_told_apart(bed: Sshd, tmp_path: Path) -> None:
    def failing(error: type[Exception], config: Path, text: str = "true", limit: float = 20) -> str:
        with pytest.raises(error) as raised:
            by_ssh(config).step(text, limit)
        return str(raised.value)

    assert "Run `glidein annex login far`" in failing(AuthError, bed.config(tmp_path, "bob"))
    assert "Run `ssh far`" in failing(AuthError, bed.config(tmp_path, known=""))
    other = Path(f"{bed.key('stranger')}.pub").read_text()
    changed = bed.config(tmp_path, known=f"[127.0.0.1]:{bed.port} {other}")
    assert "not the one on file" in failing(AuthError, changed)
    with ports.refusing() as address:
        port = address.rpartition(":")[2]
        assert "Connection refused" in failing(TransientError, bed.config(tmp_path, Port=port))
    (bed.home("nobash") / ".bashrc").write_text("PATH=/nowhere\n")
    assert "there is no bash" in failing(RejectedError, bed.config(tmp_path, "nobash"))
    assert "nobody knows" in failing(TransientError, bed.config(tmp_path), "sleep 20", 1)
    cut = "kill -KILL $PPID; sleep 1"
    assert "cut in a step; nobody knows" in failing(TransientError, bed.config(tmp_path), cut)


def test_what_only_the_ssh_program_can_do_goes_by_it(bed: Sshd, tmp_path: Path) -> None:
    def way(config: Path) -> Transport:
        return reach(sshconfig.resolve("far", config=config))

    assert isinstance(way(bed.config(tmp_path)), SshTransport)
    vouched = way(bed.config(tmp_path, known=bed.vouched()))
    assert isinstance(vouched, OpenSshTransport)
    assert vouched.step("echo hello", 20).out == "hello\n"
    foreign = way(bed.config(tmp_path, "bob", RevokedHostKeys="/dev/null"))
    assert isinstance(foreign, OpenSshTransport)
    with pytest.raises(AuthError, match=r"needs the ssh program: revokedhostkeys"):
        foreign.step("true", 20)


def planted(place: Path) -> Iterator[None]:
    """Make the folder of sockets in all the ways in which it is not its user's alone."""
    place.chmod(0o755)
    yield
    os.chown(place, 65534, 65534)
    place.chmod(0o700)
    yield
    os.chown(place, 0, 0)
    place.rename(place.with_name("other"))
    place.symlink_to(place.with_name("other"))
    yield
    place.unlink()
    place.touch(mode=0o600)
    yield


def test_sockets_lie_where_nobody_else_can_plant_one(
    bed: Sshd, tmp_path: Path, sockets: Path
) -> None:
    login = sshconfig.resolve("far", config=bed.config(tmp_path))
    master = Master(login)
    assert open_master(login) == ""
    assert list(sockets.iterdir()) == []
    master.open(30)
    assert open_master(login) == master.control
    for _ in planted(sockets / "glidein"):
        assert open_master(login) == ""
        with pytest.raises(ConfigError, match="not a folder of yours alone"):
            master.open(30)
    (sockets / "glidein").unlink()
    (sockets / "other").rename(sockets / "glidein")
    assert open_master(login) == master.control
    master.close()


def test_a_socket_s_path_is_short_whatever_the_names(sockets: Path) -> None:
    login = sshconfig.Login("h" * 250, "h" * 250, 22, "u" * 250)
    assert len(Master(login).control) + 17 <= 104
    other = sshconfig.Login("h" * 250, "h" * 250, 22, "u" * 249)
    assert Master(login).control != Master(other).control
    deep = sockets / ("d" * 60)
    deep.mkdir()
    os.environ["XDG_RUNTIME_DIR"] = str(deep)
    assert len(Master(login).control) + 17 <= 104

"""Hosts: nobody is talked to whose key is not the one on file, and no new key is taken silently."""

import shlex
from pathlib import Path

import pytest

from glidein.errors import AuthError, ConfigError, TransientError
from tests.annex.ssh.conftest import Opens, Sits
from tests.beds.sshd import Sshd

pytestmark = [pytest.mark.real, pytest.mark.root]
HELLO = {"status": 0, "out": "hello\n", "err": ""}


def refused(opens: Opens, config: Path) -> str:
    with pytest.raises(AuthError) as error:
        opens(config).step("true", 20)
    return str(error.value)


def on_file(folder: Path) -> str:
    return (folder / "known_hosts").read_text()


def stranger(bed: Sshd) -> str:
    """A key that is not the host's."""
    return " ".join(Path(f"{bed.key('stranger')}.pub").read_text().split()[:2])


def test_a_new_host_is_asked_about_and_yes_is_remembered(
    bed: Sshd, opens: Opens, sits: Sits, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    config = bed.config(tmp_path, known="# no line's end")
    known.chmod(0o600)
    why = refused(opens, config)
    assert f"the ssh-ed25519 key of far (127.0.0.1 port {bed.port}) is {bed.fingerprint()}" in why
    assert "Run `ssh far` once" in why
    person = sits(config, "echo hello")
    person.sees(f"key of far (127.0.0.1 port {bed.port}) is {bed.fingerprint()}")
    person.sees("Connect? (yes/no)")
    person.types("maybe")
    person.sees("Type yes or no")
    person.types("no")
    assert "its key was not accepted" in person.gets()[0]["why"]
    assert on_file(tmp_path) == "# no line's end"
    person = sits(config, "echo hello")
    person.sees("Connect? (yes/no)")
    person.types("yes")
    assert person.gets() == [HELLO]
    assert on_file(tmp_path) == f"# no line's end\n{bed.known()}"
    assert opens(config).step("echo hello", 20).out == "hello\n"


def test_the_first_key_on_file_makes_the_file_for_its_owner_only(
    bed: Sshd, opens: Opens, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "dot ssh" / "known"
    config = bed.config(tmp_path, known="", StrictHostKeyChecking="accept-new")
    config.write_text(config.read_text().replace(str(tmp_path / "known_hosts"), f'"{known}"'))
    login = opens(config)
    assert login.step("echo hello", 20).out == "hello\n"
    assert "New host, accepted as StrictHostKeyChecking says: the ssh-ed25519 key of far" in (
        capfd.readouterr().err
    )
    assert known.read_text() == bed.known()
    assert (known.stat().st_mode & 0o777, known.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_checking_that_is_strict_takes_no_new_host(
    bed: Sshd, opens: Opens, sits: Sits, tmp_path: Path
) -> None:
    config = bed.config(tmp_path, known="", StrictHostKeyChecking="yes")
    assert "StrictHostKeyChecking is yes" in refused(opens, config)
    assert "StrictHostKeyChecking is yes" in sits(config, "true").gets()[0]["why"]
    lax = bed.config(tmp_path, known="", StrictHostKeyChecking="no")
    assert "the host is new here" in refused(opens, lax)
    batch = sits(bed.config(tmp_path, known="", BatchMode="yes"), "true")
    assert "the host is new here" in batch.gets()[0]["why"]
    assert on_file(tmp_path) == ""


def test_a_changed_key_is_refused_however_lax_the_checking(
    bed: Sshd, opens: Opens, sits: Sits, tmp_path: Path
) -> None:
    known = f"# first\n[127.0.0.1]:{bed.port} {stranger(bed)}\n"
    config = bed.config(tmp_path, known=known, StrictHostKeyChecking="no")
    why = refused(opens, config)
    assert "the ssh-ed25519 key of the host CHANGED" in why
    assert bed.fingerprint() in why
    assert "on file is SHA256:" in why
    assert f"({tmp_path}/known_hosts:2)" in why
    assert f"ssh-keygen -f {tmp_path}/known_hosts -R '[127.0.0.1]:{bed.port}'" in why
    assert "CHANGED" in sits(config, "true").gets()[0]["why"]
    assert on_file(tmp_path) == known


def test_a_revoked_key_is_refused(bed: Sshd, opens: Opens, tmp_path: Path) -> None:
    config = bed.config(tmp_path, known=f"{bed.known()}@revoked * {bed.host_key()}\n")
    why = refused(opens, config)
    assert f"the key {bed.fingerprint()}, which is revoked ({tmp_path}/known_hosts:2)" in why


def test_an_authority_in_the_file_does_no_harm(bed: Sshd, opens: Opens, tmp_path: Path) -> None:
    authority = f"@cert-authority * {stranger(bed)}\n"
    config = bed.config(tmp_path, known=f"nonsense\n{authority}|1|x|y z\n{bed.known()}")
    assert opens(config).step("echo hello", 20).out == "hello\n"
    why = refused(opens, bed.config(tmp_path, known=authority))
    assert "certificate authority, which only the ssh program can check" in why
    assert "glidein annex login far" in why


@pytest.mark.parametrize("keytype", ["rsa", "ecdsa", "ed25519"])
def test_the_key_that_is_known_is_asked_for(
    bed: Sshd, opens: Opens, tmp_path: Path, keytype: str
) -> None:
    config = bed.config(tmp_path, known=bed.known(keytype))
    assert opens(config).step("echo hello", 20).out == "hello\n"


def test_an_alias_is_what_the_file_knows(bed: Sshd, opens: Opens, tmp_path: Path) -> None:
    config = bed.config(tmp_path, known=f"site {bed.host_key()}\n", HostKeyAlias="Site")
    assert opens(config).step("echo hello", 20).out == "hello\n"
    assert "new here" in refused(opens, bed.config(tmp_path, HostKeyAlias="other"))


def hops(bed: Sshd, folder: Path, known: str, *, to: str = "127.0.0.1") -> Path:
    """Write a configuration in which `far` is behind two gates, each under a name of its own."""
    config = bed.config(folder, known=known)
    config.write_text(
        "Host far\n ProxyJump gate,carl@second\n HostKeyAlias far\n"
        f" HostName {to}\nHost gate\n User nina\n HostKeyAlias gate\n"
        f"Host second\n HostKeyAlias second\n{config.read_text()}"
    )
    return config


def test_every_hop_of_a_way_is_checked(bed: Sshd, opens: Opens, tmp_path: Path) -> None:
    lines = [f"{name} {bed.host_key()}\n" for name in ("gate", "second", "far")]
    far = opens(hops(bed, tmp_path, "".join(lines)))
    assert far.step("echo hello; id -un", 20).out == "hello\nalice\n"
    assert bed.sessions("nina")
    assert bed.sessions("carl")
    far.close()
    for missing, name in enumerate(("gate", "second", "far")):
        known = "".join(lines[:missing] + lines[missing + 1 :])
        assert refused(opens, hops(bed, tmp_path, known)).startswith(f"{name}: the host is new")
    with pytest.raises(TransientError, match=r"far: nowhere.invalid port .* reached from second"):
        opens(hops(bed, tmp_path, "".join(lines), to="nowhere.invalid")).step("true", 20)


def test_a_way_in_circles_ends(bed: Sshd, opens: Opens, tmp_path: Path) -> None:
    config = bed.config(tmp_path, ProxyJump="gate")
    with pytest.raises(ConfigError, match="goes in circles"):
        opens(config).step("true", 20)


def test_a_program_can_be_the_way(bed: Sshd, opens: Opens, tmp_path: Path) -> None:
    said = tmp_path / "said"
    (tmp_path / "way").write_text(
        "import os, socket, sys, threading\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "open(sys.argv[3], 'w').write(' '.join(sys.argv[1:]))\n"
        "def up():\n while p := os.read(0, 65536): s.sendall(p)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while p := s.recv(65536): os.write(1, p)\n"
    )
    command = f"/usr/bin/python3 {tmp_path}/way %h %p {shlex.quote(str(said))} %r%%"
    far = opens(bed.config(tmp_path, ProxyCommand=command))
    assert far.step("echo hello", 20).out == "hello\n"
    assert said.read_text() == f"127.0.0.1 {bed.port} {said} alice%"
    far.close()
    broken = opens(bed.config(tmp_path, ProxyCommand="echo the gate is closed >&2; exit 1"))
    with pytest.raises(TransientError, match=r"far: it did not begin .* the gate is closed"):
        broken.step("true", 20)

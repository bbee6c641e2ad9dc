"""The way over SSH by paramiko, with a real sshd."""

import base64
import hashlib
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from annex import knownhosts
from annex.ssh import SshTransport
from annex.sshconfig import Login
from glidein import process
from glidein.errors import AuthError, TransientError
from tests.annex.ssh.conftest import Answers
from tests.beds import ports
from tests.beds.sshd import PASSWORD, Sshd, keygen

pytestmark = [pytest.mark.real, pytest.mark.root]


def said(login: Login, person: Answers, text: str = "id -un") -> str:
    transport = SshTransport(login, person)
    try:
        return transport.step(text, 20).out.strip()
    finally:
        transport.close()


def refused(login: Login, person: Answers) -> str:
    with pytest.raises(AuthError) as caught:
        said(login, person)
    assert not isinstance(caught.value, TransientError)
    return str(caught.value)


def test_a_step_says_what_it_said_and_how_it_ended(way: SshTransport) -> None:
    told = way.step("id -un; echo complaint >&2; printf 'no newline'; exit 7", 20)
    assert (told.status, told.out, told.err) == (7, "gltest1\nno newline", "complaint\n")


def test_many_steps_use_one_connection_and_know_nothing_of_each_other(
    way: SshTransport, host: Sshd
) -> None:
    assert way.step("a=1; cd /; echo ${a-none}$PPID", 20).out[0] == "1"
    before = host.sessions()
    assert way.step("echo ${a-none}; pwd", 20).out.split() == ["none", "/home/gltest1"]
    assert way.step("exec false", 20).status == 1
    assert way.step("kill -9 $BASHPID", 20).status == 137
    assert way.step("echo there", 20).out == "there\n"
    assert host.sessions() == before


def test_what_travels_along_arrives_as_it_is(way: SshTransport, tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(os.urandom(20_000_000) + b"\nexit 9\n")
    told = way.step("wc -c <&9", 60, blob)
    assert told.out.strip() == "20000008"
    told = way.step("sha256sum <&9", 60, blob)
    assert told.out.split()[0] == hashlib.sha256(blob.read_bytes()).hexdigest()


def test_what_a_step_leaves_unread_is_not_taken_for_the_next(
    way: SshTransport, tmp_path: Path
) -> None:
    blob = tmp_path / "blob"
    blob.write_text("touch /tmp/glidein-should-not-be; exit 3\n" * 100_000)
    assert way.step("echo enough; exit 5", 60, blob).status == 5
    assert way.step("head -c 10 <&9", 60, blob).out == "touch /tmp"
    assert way.step("ls /tmp/glidein-should-not-be", 20).status != 0


def test_nothing_of_a_step_is_in_an_argument_or_environment_there(way: SshTransport) -> None:
    ask = 'secret=gl-se""cret-word; grep -laz gl-secret-word /proc/[0-9]*/{cmdline,environ}; echo'
    assert way.step(f"{ask}; : gl-secret-word", 20).out.strip() == ""


def test_second_factors_in_any_number_of_rounds(host: Sshd) -> None:
    person = Answers(PASSWORD, host.codes.pop(0))
    assert said(host.login("gltest2"), person) == "gltest2"
    assert [each.split()[0] for each in person.asked] == ["Password:", "One-time"]


def test_a_wrong_second_factor_is_asked_again(host: Sshd) -> None:
    person = Answers(PASSWORD, "000000", PASSWORD, host.codes.pop(0))
    assert said(host.login("gltest2"), person) == "gltest2"
    assert "that was not right; again" in person.told


def test_a_second_factor_used_twice_lets_nobody_in(host: Sshd) -> None:
    code = host.codes.pop(0)
    assert said(host.login("gltest2"), Answers(PASSWORD, code)) == "gltest2"
    message = refused(host.login("gltest2"), Answers(*(PASSWORD, code) * 3))
    assert "the login was refused" in message
    assert PASSWORD not in message


def test_without_a_terminal_nobody_is_asked(host: Sshd, nobody: Answers) -> None:
    message = refused(host.login("gltest2"), nobody)
    assert "annex login 127.0.0.1" in message
    assert nobody.asked == []


def test_a_key_that_nobody_knows_there_is_refused(
    host: Sshd, nobody: Answers, tmp_path: Path
) -> None:
    stranger = keygen(tmp_path / "stranger")
    message = refused(host.login("gltest1", identities=(stranger,)), nobody)
    assert "no key was accepted" in message
    assert "ssh gltest1@127.0.0.1" in message


def test_a_locked_key_is_opened_by_its_passphrase(host: Sshd, tmp_path: Path) -> None:
    locked = keygen(tmp_path / "locked", "ecdsa", "open sesame")
    allowed = host.folder / "authorized_keys"
    usual = allowed.read_text()
    allowed.write_text(usual + locked.with_suffix(".pub").read_text())
    try:
        person = Answers("wrong", "open sesame")
        assert said(host.login("gltest1", identities=(locked,)), person) == "gltest1"
        assert len(person.asked) == 2
        assert "Passphrase of the key" in person.asked[0]
    finally:
        allowed.write_text(usual)


def test_keys_of_an_agent_are_used(host: Sshd, nobody: Answers, tmp_path: Path) -> None:
    started = process.run(["ssh-agent", "-s", "-a", tmp_path / "agent"], timeout=9).stdout
    pid = int(started.split("SSH_AGENT_PID=")[1].split(";")[0])
    try:
        env = {"SSH_AUTH_SOCK": str(tmp_path / "agent"), "PATH": "/usr/bin:/bin"}
        process.run(["ssh-add", host.key], timeout=9, env=env)
        login = host.login("gltest1", identities=(), agent=str(tmp_path / "agent"))
        assert said(login, nobody) == "gltest1"
        only = replace(login, identities_only=True)
        assert "no key was accepted" in refused(only, nobody)
    finally:
        os.kill(pid, signal.SIGTERM)


def test_a_new_host_is_asked_about_and_remembered(host: Sshd) -> None:
    host.know()
    person = Answers("yes")
    assert said(host.login("gltest1"), person) == "gltest1"
    key = base64.b64decode(host.known_line().split()[2])
    assert knownhosts.fingerprint(key) in person.asked[0]
    assert (host.folder / "known_hosts").read_text() == host.known_line()
    assert said(host.login("gltest1"), Answers(there=False)) == "gltest1"


@pytest.mark.parametrize("person", [Answers("no"), Answers("y"), Answers(there=False)])
def test_a_new_host_that_nobody_vouches_for_is_refused(host: Sshd, person: Answers) -> None:
    host.know()
    message = refused(host.login("gltest1"), person)
    assert "SHA256:" in message
    assert "compare it with what the site publishes" in message
    assert (host.folder / "known_hosts").read_text() == ""


def test_strict_checking_asks_nobody(host: Sshd) -> None:
    host.know()
    person = Answers("yes")
    refused(host.login("gltest1", checking="yes"), person)
    assert person.asked == []
    assert said(host.login("gltest1", checking="accept-new"), person) == "gltest1"
    assert "accept-new" in person.told[0]


def test_a_changed_key_is_refused_and_says_where_the_other_stands(host: Sshd) -> None:
    host.know("# comment\n", host.known_line("other_key"))
    message = refused(host.login("gltest1"), Answers("yes"))
    assert f"{host.folder}/known_hosts:2 knows another" in message
    assert "ssh-keygen -R" in message


def test_a_revoked_key_is_refused(host: Sshd) -> None:
    host.know(host.known_line(), f"@revoked {host.known_line(name='*')}")
    assert "has revoked" in refused(host.login("gltest1"), Answers("yes"))


def test_lines_of_authorities_do_not_disturb(host: Sshd, nobody: Answers) -> None:
    authority = f"@cert-authority {host.known_line('other_key', '*.example.org,127.0.0.*')}"
    host.know("rubbish\n", authority, host.known_line())
    assert said(host.login("gltest1"), nobody) == "gltest1"
    host.know(f"@cert-authority {host.known_line('other_key', '*')}")
    assert "needs ssh" in refused(host.login("gltest1"), nobody)


def test_a_host_of_several_keys_is_asked_for_the_one_that_is_known(
    host: Sshd, nobody: Answers
) -> None:
    host.know(host.known_line("other_key", "other.example.org"), host.known_line())
    assert said(host.login("gltest1"), nobody) == "gltest1"


def test_through_another_host(host: Sshd, nobody: Answers) -> None:
    command = f"nc 127.0.0.1 {host.port}" if Path("/bin/nc").exists() else (
        f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{host.port}; cat <&3 & cat >&3'")  # fmt: skip
    login = host.login("gltest1", command=command, alias=f"[127.0.0.1]:{host.port}")
    assert said(replace(login, hostname="10.255.0.1"), nobody) == "gltest1"


def test_csh_and_a_noisy_profile_do_not_disturb(host: Sshd, nobody: Answers) -> None:
    assert said(host.login("gltest3"), nobody, "echo; id -un").split()[-1] == "gltest3"


def test_a_connection_that_dies_in_a_step_says_so_and_the_next_step_makes_another(
    way: SshTransport, host: Sshd
) -> None:
    way.step("true", 20)
    threading.Timer(0.5, host.cut).start()
    began = time.monotonic()
    with pytest.raises(TransientError, match="was cut"):
        way.step("sleep 30", 25)
    assert time.monotonic() - began < 20
    assert way.step("echo again", 20).out == "again\n"


def test_a_step_that_takes_too_long_is_given_up(way: SshTransport) -> None:
    with pytest.raises(TransientError, match="no answer within 1 s"):
        way.step("sleep 60", 1)
    assert way.step("echo again", 20).out == "again\n"


def test_nobody_there_is_no_matter_of_keys(host: Sshd, nobody: Answers) -> None:
    with ports.refusing() as place, pytest.raises(TransientError, match="cannot be reached"):
        said(host.login("gltest1", port=int(place.rpartition(":")[2])), nobody)

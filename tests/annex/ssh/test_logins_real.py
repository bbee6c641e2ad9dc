"""Logins: keys, agents, passwords, second factors; asked at a terminal, and only there."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from annex import sshconfig
from annex.ssh import SshTransport
from glidein import process
from glidein.errors import AuthError
from tests.annex.ssh.conftest import Opens, Sits
from tests.annex.ssh.person import Person
from tests.beds.sshd import PASSWORD, Sshd

pytestmark = [pytest.mark.real, pytest.mark.root]
HELLO = {"status": 0, "out": "hello\n", "err": ""}


@contextmanager
def agent(folder: Path, *keys: Path) -> Iterator[str]:
    """An agent that has these keys; yields its socket."""
    path = folder / "agent"
    said = process.run(["ssh-agent", "-s", "-a", path], timeout=10).stdout
    pid = int(said.partition("SSH_AGENT_PID=")[2].partition(";")[0])
    try:
        for key in keys:
            env = {**os.environ, "SSH_AUTH_SOCK": str(path)}
            process.run(["ssh-add", "-q", key], timeout=10, env=env)
        yield str(path)
    finally:
        os.kill(pid, 15)


def refused(opens: Opens, config: Path) -> str:
    with pytest.raises(AuthError) as error:
        opens(config).step("true", 20)
    return str(error.value)


def test_a_key_of_an_agent_lets_in_and_those_named_come_first(
    bed: Sshd, opens: Opens, tmp_path: Path
) -> None:
    with agent(tmp_path, bed.key("stranger"), bed.key("plain")) as path:
        more = {"IdentityAgent": path, "IdentityFile": "/nowhere", "IdentitiesOnly": "no"}
        assert opens(bed.config(tmp_path, **more)).step("echo hello", 20).out == "hello\n"
        only = {**more, "IdentitiesOnly": "yes"}
        assert "no key" in refused(opens, bed.config(tmp_path, **only))
        (tmp_path / "id.pub").write_bytes(Path(f"{bed.key('plain')}.pub").read_bytes())
        only["IdentityFile"] = str(tmp_path / "id")
        assert opens(bed.config(tmp_path, **only)).step("echo hello", 20).out == "hello\n"
    assert "no key" in refused(opens, bed.config(tmp_path, **more))  # the agent is gone


def test_key_files_that_cannot_be_used_are_left_out(
    bed: Sshd, opens: Opens, tmp_path: Path
) -> None:
    (tmp_path / "garbage").write_text("no key")
    (tmp_path / "folder").mkdir()
    process.run(
        [
            "ssh-keygen",
            "-q",
            "-t",
            "rsa",
            "-b",
            "1024",
            "-m",
            "PEM",
            "-N",
            "",
            "-f",
            tmp_path / "weak",
        ],
        timeout=9,
    )
    config = bed.config(tmp_path)
    files = [tmp_path / name for name in ("garbage", "folder", "none", "weak")]
    more = "".join(f"IdentityFile {path}\n" for path in files)
    config.write_text(more + config.read_text())
    assert opens(config).step("echo hello", 20).out == "hello\n"


def test_a_process_without_a_terminal_is_not_asked(bed: Sshd, tmp_path: Path) -> None:
    config = bed.config(tmp_path, "bob")
    argv = [sys.executable, "-m", "tests.annex.ssh.command", "1", "reach", str(config), "true"]
    said = process.run(argv, timeout=20, cwd=Path(__file__).parents[3])
    assert "there is no terminal to ask you on. Run `glidein annex login far`" in said.stdout
    assert "Password" not in said.stdout + said.stderr


class Answering:
    """Somebody who answers without a terminal."""

    can_ask = True

    def __init__(self, *answers: str) -> None:
        self.left = list(answers)
        self.asked: list[str] = []

    def answer(self, question: str, *, echo: bool = False) -> str:
        self.asked.append(question)
        return self.left.pop(0)

    def agreed(self, question: str) -> bool:
        return False

    def say(self, text: str) -> None:
        self.asked.append(text)


def test_nothing_that_is_secret_is_logged_however_much_is_logged(
    bed: Sshd, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code, ask = bed.code(), Answering(PASSWORD)
    ask.left.append(code)
    far = SshTransport(sshconfig.resolve("far", config=bed.config(tmp_path, "bob")), ask)
    assert far.step("echo hello # hunter2", 20).out == "hello\n"
    far.close()
    assert ask.asked == ["(bob@far) Password: ", "(bob@far) One-time password (OATH) for `bob': "]
    assert "userauth" in caplog.text
    for secret in (PASSWORD, code, "hunter2"):
        assert secret not in caplog.text


def test_a_key_with_a_passphrase_asks_for_it(
    bed: Sshd, opens: Opens, sits: Sits, tmp_path: Path
) -> None:
    config = bed.config(tmp_path, IdentityFile=str(bed.key("locked")))
    assert f"no key ({bed.key('locked')}: locked)" in refused(opens, config)
    person = sits(config, "echo hello", "echo hello")
    person.sees(f"Passphrase of the key {bed.key('locked')}")
    assert not person.can_see_what_is_typed()
    person.types("wrong")
    person.sees("That is not its passphrase")
    person.sees("Passphrase")
    person.types("open sesame")
    assert person.gets() == [HELLO, HELLO]


def test_a_password(bed: Sshd, opens: Opens, sits: Sits, tmp_path: Path) -> None:
    config = bed.config(tmp_path, "dora", IdentityFile=str(bed.key("locked")))
    assert "run `glidein annex login far`" in (why := refused(opens, config)).replace("Run", "run")
    assert "no terminal" in why
    person = sits(config, "echo hello")
    person.sees("Password of dora on far: ")  # the server takes no keys: no passphrase is asked
    assert "Passphrase" not in person.shown
    person.types("nonsense")
    person.sees("far did not accept that")
    person.sees("Password of dora on far: ")
    assert not person.can_see_what_is_typed()
    person.types(PASSWORD)
    assert person.gets() == [HELLO]
    assert PASSWORD not in person.shown


def test_a_key_a_password_and_a_code_once_for_all_steps(
    bed: Sshd, opens: Opens, sits: Sits, tmp_path: Path
) -> None:
    config = bed.config(tmp_path, "bob")
    assert "it asks for a second factor" in refused(opens, config)
    person = sits(config, "echo hello", "echo hello", "echo hello")
    person.sees("Password: ")
    person.types(PASSWORD)
    person.sees("One-time password")
    person.types(bed.code())
    assert person.gets() == [HELLO] * 3
    batch = sits(bed.config(tmp_path, "bob", BatchMode="yes"), "echo hello")
    assert "no terminal" in batch.gets()[0]["why"]
    assert "Password" not in batch.shown


def answers(person: Person, code: str) -> None:
    person.sees("Password: ")
    person.types(PASSWORD)
    person.sees("One-time password")
    person.types(code)


def test_a_code_lets_in_once(bed: Sshd, sits: Sits, tmp_path: Path) -> None:
    config, code = bed.config(tmp_path, "bob"), bed.code()
    first, second = sits(config, "echo hello"), sits(config, "echo hello")
    answers(first, code)
    assert first.gets() == [HELLO]
    answers(second, code)
    second.sees("far did not accept that")
    answers(second, bed.code())
    assert second.gets() == [HELLO]


def test_codes_that_are_wrong_end_the_login(bed: Sshd, sits: Sits, tmp_path: Path) -> None:
    person = sits(bed.config(tmp_path, "bob"), "echo hello")
    for _ in range(3):
        answers(person, "nonsense")
    (news,) = person.gets()
    assert news["error"] == "AuthError"
    assert "three times what you typed was not accepted. A code can be used once" in news["why"]
    assert len(bed.sessions("bob")) == 0


def test_a_push_is_waited_for(bed: Sshd, sits: Sits, tmp_path: Path) -> None:
    person = sits(bed.config(tmp_path, "pia"), "echo hello")
    person.sees("far: waiting for the second factor")
    assert person.gets() == [HELLO]


def test_ctrl_c_at_a_prompt_leaves_the_terminal_as_it_was(
    bed: Sshd, sits: Sits, tmp_path: Path
) -> None:
    person = sits(bed.config(tmp_path, "bob"), "echo hello")
    person.sees("Password: ")
    assert not person.can_see_what_is_typed()
    person.interrupts()
    assert person.gets(5) == [{"error": "KeyboardInterrupt"}]
    assert person.can_see_what_is_typed()


def test_a_second_factor_is_asked_again_when_the_connection_was_cut(
    bed: Sshd, sits: Sits, tmp_path: Path
) -> None:
    person = sits(bed.config(tmp_path, "bob"), "kill -KILL $PPID", "echo hello")
    answers(person, bed.code())
    answers(person, bed.code())
    cut, hello = person.gets()
    assert (cut["error"], hello) == ("TransientError", HELLO)

"""Logins as the real ssh -G resolves them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annex import sshconfig
from annex.sshconfig import Login
from glidein.errors import ConfigError

CONFIG = """\
Include {folder}/more
Host bridges*
  HostName %h.psc.example
  User charge
  Port 2222
  IdentityFile "{folder}/keys/my key"
  IdentitiesOnly yes
  ProxyJump one@first:2200,second
  UserKnownHostsFile {folder}/known
  StrictHostKeyChecking accept-new
  ControlPath {folder}/cm-%C
  ConnectTimeout 7
Host viacommand
  ProxyCommand nc -x "a proxy" %h %p %% %n
Host smartcard
  PKCS11Provider /usr/lib/card.so
Host loose
  StrictHostKeyChecking no
  IdentityAgent none
"""


@pytest.fixture
def config(tmp_path: Path) -> list[str]:
    (tmp_path / "more").write_text("Host included\n  HostName in.example\n")
    (tmp_path / "config").write_text(CONFIG.format(folder=tmp_path))
    return ["-F", str(tmp_path / "config")]


def test_all_that_the_users_configuration_says_counts(config: list[str], tmp_path: Path) -> None:
    login = sshconfig.resolve("bridges2", options=config)
    assert (login.host, login.hostname, login.port) == ("bridges2", "bridges2.psc.example", 2222)
    assert login.identities[0] == tmp_path / "keys/my key"
    assert login.identities_only
    assert login.jumps == ("one@first:2200", "second")
    assert login.known_hosts[0] == tmp_path / "known"
    assert (login.checking, login.timeout) == ("accept-new", 7)
    assert login.control_path.startswith(f"{tmp_path}/cm-")
    assert login.known_as == "[bridges2.psc.example]:2222"
    assert login.foreign == ()
    assert sshconfig.resolve("included", options=config).hostname == "in.example"


def test_what_is_typed_goes_first(config: list[str]) -> None:
    assert sshconfig.resolve("bridges2", "me", config).user == "me"


def test_a_proxy_command_is_filled_in(config: list[str]) -> None:
    login = sshconfig.resolve("viacommand", options=config)
    assert login.command == 'nc -x "a proxy" viacommand 22 % viacommand'


def test_what_only_openssh_can_do_is_said(config: list[str]) -> None:
    assert sshconfig.resolve("smartcard", options=config).foreign == (
        "pkcs11provider /usr/lib/card.so",
    )


def test_no_host_is_believed_without_asking(config: list[str]) -> None:
    login = sshconfig.resolve("loose", options=config)
    assert (login.checking, login.agent) == ("ask", "none")


@pytest.mark.parametrize("host", ["-oProxyCommand=touch /tmp/x", "", "a b", "a;b", "h\n", "$(x)"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="no host name"):
        sshconfig.resolve(host)


def test_a_configuration_that_ssh_cannot_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Nonsense yes\n")
    with pytest.raises(ConfigError, match=r"ssh cannot read it: .*Nonsense|nonsense"):
        sshconfig.resolve("h", options=["-F", str(tmp_path / "config")])


def test_the_last_hop_comes_first_and_knows_the_others() -> None:
    login = Login("h", "h", jumps=("me@127.0.0.1:2200", "ssh://you@[::1]:23/"))
    hop = sshconfig.hop(login)
    assert (hop.hostname, hop.user, hop.port, hop.jumps) == ("::1", "you", 23, login.jumps[:1])
    before = sshconfig.hop(hop)
    assert (before.hostname, before.user, before.port, before.jumps) == (
        "127.0.0.1", "me", 2200, (),
    )  # fmt: skip


@given(st.text(max_size=400))
def test_no_answer_of_ssh_is_a_traceback(text: str) -> None:
    assert sshconfig.parse("h", text).host == "h"

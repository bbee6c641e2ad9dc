"""What the ssh program says of a host is read right, whatever it says."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annex import sshconfig
from glidein.errors import ConfigError
from tests.strategies import wild_text

WORDS = ["port", "proxyjump", "identityfile", "connecttimeout", "hostname", "userknownhostsfile",
         "stricthostkeychecking", "preferredauthentications", "gssapiauthentication"]  # fmt: skip


def configured(folder: Path, text: str) -> Path:
    path = folder / "config"
    path.write_text(text)
    return path


def test_what_the_configuration_says_of_an_alias(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host far\n HostName Far.Example.org\n Port 2222\n User me\n")
    config = configured(
        tmp_path,
        f"Include {tmp_path}/more\nHost far\n ProxyJump a@gate:23,other\n"
        f" IdentityFile {tmp_path}/%r-key\n IdentitiesOnly yes\n StrictHostKeyChecking accept-new\n"
        f" UserKnownHostsFile {tmp_path}/known {tmp_path}/more-known\n ConnectTimeout 7\n"
        " HostKeyAlias Site\n PreferredAuthentications keyboard-interactive,publickey\n"
        " ControlPath /run/%h\n RemoteCommand tmux\n BatchMode yes\n",
    )
    login = sshconfig.resolve("far", config=config)
    assert (login.host, login.hostname, login.port) == ("far", "far.example.org", 2222)
    assert (login.user, login.known_as) == ("me", ("site", 22))
    assert login.proxy_jump == ("a@gate:23", "other")
    assert login.identity_files == (tmp_path / "me-key",)
    assert login.identities_only
    assert login.host_key_checking == "accept-new"
    assert login.user_known_hosts == (tmp_path / "known", tmp_path / "more-known")
    assert login.connect_timeout == 7
    assert login.preferred_authentications == ("keyboard-interactive", "publickey")
    assert login.control_path == "/run/far.example.org"
    assert login.remote_command
    assert login.batch_mode
    assert login.foreign == ()


def test_a_host_that_no_file_knows(tmp_path: Path) -> None:
    login = sshconfig.resolve("10.1.2.3", "bob", port=2200, config=configured(tmp_path, ""))
    assert (login.hostname, login.port, login.user) == ("10.1.2.3", 2200, "bob")
    assert login.known_as == ("10.1.2.3", 2200)
    assert login.host_key_checking == "ask"
    assert login.connect_timeout == 30
    assert login.preferred_authentications == sshconfig.METHODS
    assert all(path.is_absolute() for path in login.identity_files)


def test_what_only_the_ssh_program_can_do_is_named(tmp_path: Path) -> None:
    (tmp_path / "id_sk").touch()
    (tmp_path / "id").touch()
    (tmp_path / "id-cert.pub").touch()
    config = configured(
        tmp_path,
        f"PKCS11Provider /lib/x.so\nCertificateFile /x\nIdentityFile {tmp_path}/id_sk\n"
        f"IdentityFile {tmp_path}/id\nIdentityFile {tmp_path}/none_sk\n",
    )
    assert sshconfig.resolve("far", config=config).foreign == (
        "pkcs11provider",
        "certificatefile",
        f"the key {tmp_path}/id_sk",
        f"the key {tmp_path}/id",
    )


def test_kerberos_is_for_those_who_use_it() -> None:
    on = "gssapiauthentication yes\n"
    assert sshconfig.parse(on).foreign == ("GSSAPIAuthentication",)
    assert sshconfig.parse(on + "preferredauthentications publickey").foreign == ()
    assert sshconfig.parse("gssapiauthentication no").foreign == ()


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "", "a b", "a\nb", "$(x)", "a;b", "a/b"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="no name of a host"):
        sshconfig.resolve(host)


@pytest.mark.parametrize("user", ["-x", "a b", "$(x)", "a;b", "a'b"])
def test_what_is_no_user_is_refused(user: str) -> None:
    with pytest.raises(ConfigError, match="no name of a user on far"):
        sshconfig.resolve("far", user)


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("gate", ("", "gate", 0)), ("me@gate:23", ("me", "gate", 23)),
        ("ssh://me@gate:23/", ("me", "gate", 23)), ("me@[::1]:23", ("me", "::1", 23)),
        ("[::1]", ("", "::1", 0)), ("a@b@gate", ("a@b", "gate", 0)), ("::1", ("", "::1", 0)),
    ],
)  # fmt: skip
def test_hops_are_read(text: str, hop: tuple[str, str, int]) -> None:
    assert sshconfig.hop(text) == hop


@pytest.mark.parametrize("text", ["", "me@", "-x", "me@-x:23", "a b"])
def test_what_is_no_hop_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        sshconfig.hop(text)


def test_a_file_with_faults_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config.*line 1: Bad configuration option: nonsense"):
        sshconfig.resolve("far", config=configured(tmp_path, "Nonsense yes\n"))


def test_where_there_is_no_ssh_the_file_is_read_all_the_same(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        f"Host far\n HostName far.example.org\n Port 2222\n IdentityFile {tmp_path}/key\n"
        " ProxyJump gate\n UserKnownHostsFile /a /b\nHost *\n User me\n",
    )
    search = os.environ["PATH"]
    os.environ["PATH"] = str(tmp_path)
    try:
        login = sshconfig.resolve("far", config=config)
        other = sshconfig.resolve("far", "you", port=22, config=config)
    finally:
        os.environ["PATH"] = search
    assert (login.hostname, login.port, login.user) == ("far.example.org", 2222, "me")
    assert login.identity_files == (tmp_path / "key",)
    assert login.proxy_jump == ("gate",)
    assert login.user_known_hosts == (Path("/a"), Path("/b"))
    assert (other.port, other.user) == (22, "you")


def test_an_ssh_that_hangs_up_is_not_taken_for_none(tmp_path: Path) -> None:
    program = tmp_path / "ssh"
    program.write_text("#!/bin/sh\necho broken >&2\nexit 127\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    search = os.environ["PATH"]
    os.environ["PATH"] = f"{tmp_path}:{search}"
    try:
        with pytest.raises(ConfigError, match="broken"):
            sshconfig.resolve("far")
    finally:
        os.environ["PATH"] = search


def test_tokens_are_replaced_once(tmp_path: Path) -> None:
    login = sshconfig.Login("typed", "real", 23, "%h")
    assert login.expand("%r %n %h:%p %% ${NOBODY_SET_THIS} %Z %") == (
        "%h typed real:23 % ${NOBODY_SET_THIS} %Z %"
    )


@given(st.lists(st.tuples(st.sampled_from(WORDS) | wild_text, wild_text)))
def test_no_text_makes_it_stumble(lines: list[tuple[str, str]]) -> None:
    login = sshconfig.parse("\n".join(" ".join(line) for line in lines), "far")
    assert login.host == "far"
    assert 0 < login.port < 10**9
    assert set(login.preferred_authentications) <= set(sshconfig.METHODS)


@given(wild_text)
def test_no_host_becomes_an_option(host: str) -> None:
    try:
        assert not sshconfig.checked_host(host).startswith("-")
    except ConfigError:
        assert host.startswith("-") or not host.isalnum()

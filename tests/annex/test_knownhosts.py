"""Known hosts are read as ssh reads them; the real ssh-keygen says how that is."""

import base64
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annex import knownhosts
from annex.knownhosts import Known, Verdict
from glidein import process
from tests.strategies import wild_text

TYPE = "ssh-ed25519"
HOSTS = ["far", "far.example.org", "gate", "10.0.0.1", "::1", "FAR"]


@cache
def key(number: int, keytype: str = TYPE) -> bytes:
    """A public key of that type: what matters is that it is well made, not whose it is."""
    points = {TYPE: bytes([number]) * 32}
    parts = [keytype.encode(), points.get(keytype, b"\x01\x00\x01")]
    parts += [] if keytype in points else [b"\x00" + bytes([128 + number]) * 256]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def told(names: str, number: int = 1, marker: str = "", keytype: str = TYPE) -> str:
    encoded = base64.b64encode(key(number, keytype)).decode()
    return f"{marker} {names} {keytype} {encoded} a comment\n".lstrip()


def known(*lines: str) -> Known:
    return Known.of([("known_hosts", "".join(lines))])


def keygen(*argv: str | Path) -> str:
    return process.run(["ssh-keygen", *argv], timeout=20, check=False).stdout


def found_by_keygen(path: Path, name: str) -> list[int]:
    return [int(n) for n in re.findall(r"found: line (\d+)", keygen("-f", path, "-F", name))]


def found_by_us(path: Path, host: str, port: int) -> list[int]:
    lines = Known.of([("f", path.read_text())]).about(host, port)
    return [int(line.where.partition(":")[2]) for line in lines]


names = st.sampled_from(
    [*HOSTS, "*", "*.example.org", "f?r", "[far]:2222", "[*]:2222", "!far", "![far]:*", "x*,!far",
     "gate,far", "*,!*.example.org", "10.0.0.*", "[f[ae]r", "", "!"]
)  # fmt: skip
markers = st.sampled_from(["", "", "", "@cert-authority", "@revoked", "@else"])
files = st.lists(st.builds(told, names, st.integers(1, 3), markers), max_size=6)


@settings(max_examples=60, deadline=None)
@given(files, st.sampled_from(HOSTS), st.sampled_from([22, 2222]), st.booleans())
def test_the_lines_that_ssh_keygen_finds_are_found(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], host: str, port: int, hashed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "known_hosts"
    path.write_text("".join(lines))
    if hashed:
        keygen("-H", "-f", path)
    name = host if port == 22 else f"[{host}]:{port}"
    assert found_by_us(path, host, port) == found_by_keygen(path, name)


def test_every_name_of_a_hashed_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(told("far,gate", 1) + told("[far]:2222", 2) + told("*.example.org", 3))
    keygen("-H", "-f", path)
    assert path.read_text().count("|1|") == 3
    read = Known.of([("f", path.read_text())])
    assert read.judge("far", 22, TYPE, key(1)) is Verdict.SAME
    assert read.judge("gate", 22, TYPE, key(1)) is Verdict.SAME
    assert read.judge("far", 2222, TYPE, key(2)) is Verdict.SAME
    assert read.judge("a.example.org", 22, TYPE, key(3)) is Verdict.SAME
    assert read.types("gat") == ()


@pytest.mark.parametrize("keytype", ["ed25519", "rsa", "ecdsa"])
def test_fingerprints_are_those_of_ssh_keygen(tmp_path: Path, keytype: str) -> None:
    keygen("-q", "-t", keytype, "-N", "", "-f", tmp_path / "key")
    word, encoded = (tmp_path / "key.pub").read_text().split()[:2]
    print_ = knownhosts.fingerprint(base64.b64decode(encoded))
    assert keygen("-l", "-f", tmp_path / "key.pub").split()[1] == print_
    path = tmp_path / "known_hosts"
    path.write_text(knownhosts.line("Far", 2222, word, base64.b64decode(encoded)))
    assert found_by_keygen(path, "[far]:2222") == [1]


def test_a_key_that_is_told_is_the_same_wherever_it_stands() -> None:
    read = known("# far\n", "nonsense\n", told("gate", 3), told("far", 1), told("far", 2))
    assert read.judge("far", 22, TYPE, key(2)) is Verdict.SAME
    assert read.types("far") == (TYPE,)


def test_a_key_told_without_the_port_will_do_but_never_makes_it_changed() -> None:
    read = known(told("far", 1))
    assert read.judge("far", 2222, TYPE, key(1)) is Verdict.SAME
    assert read.judge("far", 2222, TYPE, key(2)) is Verdict.NEW


def test_another_key_of_the_type_is_changed_and_the_line_is_named() -> None:
    read = known(told("gate", 2), told("far", 1))
    assert read.judge("far", 22, TYPE, key(2)) is Verdict.CHANGED
    line = read.other("far", 22, TYPE, key(2))
    assert line is not None
    assert (line.where, line.key) == ("known_hosts:2", key(1))


def test_a_type_that_was_never_seen_is_new() -> None:
    read = known(told("far", 1))
    assert read.judge("far", 22, "ssh-rsa", key(1, "ssh-rsa")) is Verdict.NEW


def test_a_revoked_key_is_refused_though_another_line_tells_it() -> None:
    read = known(told("far", 1), told("*", 1, "@revoked"))
    assert read.judge("far", 22, TYPE, key(1)) is Verdict.REVOKED
    assert read.judge("far", 2222, TYPE, key(1)) is Verdict.REVOKED
    assert read.judge("far", 22, TYPE, key(2)) is Verdict.CHANGED


def test_an_authority_is_no_key_of_the_host() -> None:
    read = known(told("*.example.org", 1, "@cert-authority"))
    assert read.types("far.example.org") == ()
    assert read.judge("far.example.org", 22, TYPE, key(1)) is Verdict.BY_AUTHORITY
    both = known(told("*.example.org", 1, "@cert-authority"), told("far.example.org", 2))
    assert both.judge("far.example.org", 22, TYPE, key(2)) is Verdict.SAME
    assert both.judge("far.example.org", 22, TYPE, key(3)) is Verdict.CHANGED


@pytest.mark.parametrize(
    ("names", "host", "matches"),
    [
        ("f?r", "far", True), ("f?r", "fr", False), ("*a*", "far", True), ("f.r", "far", False),
        ("FAR", "far", True), ("far", "FAR", True), ("*,!far", "far", False), ("!far", "x", False),
    ],
)  # fmt: skip
def test_patterns_are_ssh_s_own(names: str, host: str, matches: bool) -> None:
    assert bool(known(told(names)).about(host)) is matches


def test_an_empty_file_knows_nobody() -> None:
    assert Known().judge("far", 22, TYPE, key(1)) is Verdict.NEW


@given(st.text(st.sampled_from("|1!*,@[]: \t\r\nfar=#+/Aa"), max_size=60) | wild_text, wild_text)
def test_no_text_makes_it_stumble(text: str, host: str) -> None:
    read = known(text, f"{text.strip()} {TYPE} ", told("", 1).strip())
    assert read.judge(host, 22, TYPE, key(1)) in Verdict
    assert isinstance(read.types(host, 2222), tuple)

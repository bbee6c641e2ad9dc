"""known_hosts as OpenSSH reads it: ssh-keygen is the judge."""

import base64
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annex import knownhosts
from annex.knownhosts import Verdict
from glidein import process
from tests.beds.sshd import keygen

KEY = base64.b64decode("AAAAC3NzaC1lZDI1NTE5AAAAIJ1PzOVzKSQz4MRVzU4Q6YkRJy0hgtbrCR4kUwBvH8e5")
TEXT = base64.b64encode(KEY).decode()
PLAIN = "ssh-ed25519"
LABEL = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=4)
HOST = st.lists(LABEL, min_size=1, max_size=3).map(".".join)
PATTERN = st.lists(
    st.sampled_from(["a", "b", ".", "*", "?", "1", "-"]), min_size=1, max_size=6
).map("".join)  # fmt: skip


def found(file: Path, name: str) -> bool:
    """Whether ssh-keygen finds the host in the file."""
    said = process.run(["ssh-keygen", "-F", name, "-f", file], timeout=9, check=False)
    return said.returncode == 0


def judged(text: str, name: str, kind: str = PLAIN, key: bytes = KEY) -> Verdict:
    return knownhosts.read([("f", text)]).judge(name, kind, key)[0]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    patterns=st.lists(
        st.tuples(st.sampled_from(["", "!"]), PATTERN | HOST), min_size=1, max_size=3
    ),
    host=HOST | PATTERN.filter(lambda text: not set(text) & set("*?-")),
)
def test_patterns_mean_what_they_mean_to_openssh(
    tmp_path: Path, patterns: list[tuple[str, str]], host: str
) -> None:
    hosts = ",".join(sign + text for sign, text in patterns)
    file = tmp_path / "known"
    file.write_text(f"{hosts} {PLAIN} {TEXT}\n")
    ours = bool(knownhosts.read([("f", file.read_text())]).kinds(host))
    assert ours == found(file, host), hosts


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(host=HOST, port=st.sampled_from([22, 2222]), other=HOST)
def test_hashed_lines_are_found(tmp_path: Path, host: str, port: int, other: str) -> None:
    name = host if port == 22 else f"[{host}]:{port}"
    file = tmp_path / "known"
    file.write_text(f"{name} {PLAIN} {TEXT}\n")
    process.run(["ssh-keygen", "-H", "-f", file], timeout=9)
    known = knownhosts.read([("f", file.read_text())])
    assert known.kinds(name) == (PLAIN,)
    assert bool(known.kinds(other)) == (other == name)


def test_a_fingerprint_is_as_everybody_shows_it(tmp_path: Path) -> None:
    path = keygen(tmp_path / "key")
    said = process.run(["ssh-keygen", "-l", "-f", path], timeout=9).stdout.split()[1]
    key = base64.b64decode(path.with_suffix(".pub").read_text().split()[1])
    assert knownhosts.fingerprint(key) == said


def test_the_line_that_makes_a_host_known_is_read_back() -> None:
    line = knownhosts.line("[h.example]:2222", PLAIN, KEY)
    assert judged(line, "[h.example]:2222") is Verdict.SAME
    assert judged(line, "h.example") is Verdict.NEW
    assert judged(line, "[h.example]:2222", key=KEY[:-1] + b"x") is Verdict.CHANGED


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (f"h {PLAIN} {TEXT}", Verdict.SAME),
        (f"h {PLAIN} {TEXT} a comment", Verdict.SAME),
        (f"# h {PLAIN} {TEXT}", Verdict.NEW),
        (f"h {PLAIN}", Verdict.NEW),
        (f"h {PLAIN} rubbish!", Verdict.NEW),
        (f"@new-marker h {PLAIN} {TEXT}", Verdict.NEW),
        (f"@cert-authority h {PLAIN} {TEXT}", Verdict.AUTHORITY),
        (f"@cert-authority h {PLAIN} {TEXT}\nh {PLAIN} {TEXT}", Verdict.SAME),
        (f"h {PLAIN} {TEXT}\n@revoked * {PLAIN} {TEXT}", Verdict.REVOKED),
        (f"h ssh-rsa {base64.b64encode(b'other').decode()}", Verdict.CHANGED),
        ("|1|bad|bad ssh-ed25519 AAAA", Verdict.NEW),
        ("|1| ssh-ed25519 AAAA", Verdict.NEW),
    ],
)
def test_what_is_said_of_a_key(text: str, verdict: Verdict) -> None:
    assert judged(text, "h") is verdict


@given(st.text(max_size=300), st.text(max_size=20))
def test_no_text_is_a_traceback(text: str, name: str) -> None:
    known = knownhosts.read([("f", text)])
    known.kinds(name)
    known.judge(name, PLAIN, KEY)


def test_several_files_count_and_are_named() -> None:
    known = knownhosts.read([("one", "\n"), ("two", f"x {PLAIN} {TEXT}\nh {PLAIN} {TEXT}\n")])
    assert known.judge("h", PLAIN, b"other") == (Verdict.CHANGED, "two:2")

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidein import tokens
from glidein.errors import ConfigError


def made(**claims: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256', 'kid': 'POOL'})}.{part(claims)}.c2lnbmF0dXJl"


def test_a_tokens_claims_are_read() -> None:
    text = made(sub="alice@pool", iss="pool", iat=0, exp=3600, jti="7", scope="condor:/READ")
    found = tokens.read(text)
    assert (found.subject, found.owner, found.issuer) == ("alice@pool", "alice", "pool")
    assert found.expires == datetime(1970, 1, 1, 1, tzinfo=UTC)
    assert found.grants("READ")
    assert not found.grants("ADVERTISE_STARTD")


def test_a_token_without_scope_grants_what_its_subject_may() -> None:
    assert tokens.read(made(sub="a@p")).grants("ADVERTISE_STARTD")


@pytest.mark.parametrize(
    "text", ["", "a.b", "a.b.c", "é.b.c", made(iss="p"), made(sub=7), "x" * 99]
)
def test_what_is_no_token_is_said_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigError, match="no IDTOKEN") as caught:
        tokens.read(text)
    assert not text or len(text) < 4 or text not in str(caught.value)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_makes_reading_raise_anything_else(text: str) -> None:
    try:
        tokens.read(text)
    except ConfigError:
        return


@given(st.integers() | st.floats() | st.text() | st.none(), st.integers())
def test_no_claim_makes_reading_raise(expires: object, begins: int) -> None:
    claims = {"sub": "a@p", "exp": expires, "nbf": begins}
    if isinstance(expires, float) and expires != expires:
        claims["exp"] = None
    tokens.read(made(**claims))


def test_a_token_is_written_for_its_owner_alone_and_whole(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        tokens.write("a.b.c", tmp_path / "folder" / "token")
    finally:
        os.umask(previous)
    path = tmp_path / "folder" / "token"
    assert path.read_text() == "a.b.c\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["token"]


def test_a_pilots_token_outlives_wait_and_life() -> None:
    assert tokens.lifetime(3600, 7200) == 3600 + 7200 + 900

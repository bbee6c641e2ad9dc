"""Bad tokens: each ends the pilot before it joins, with its own exit code and one clear line."""

import time
from pathlib import Path

import pytest

from glidein.throwaway import ThrowawayPool
from tests.beds.pilots import Pilot, Yard
from tests.beds.tokens import resigned, signed

pytestmark = [pytest.mark.real, pytest.mark.root]

HOUR = 3600
CANARY = Path("/tmp/glidein-token-canary")


@pytest.fixture(scope="module")
def started(crowd: Yard, pool: ThrowawayPool, users: dict[str, int]) -> dict[str, Pilot]:
    """One pilot for each bad token, all at once."""
    good = pool.token("gltest1")
    head, body, signature = good.split(".")
    tokens = {
        "wrong key": resigned(good, b"some other key"),
        "expired": signed(pool, exp=-10, iat=-HOUR),
        "clock behind": signed(pool, exp=-2 * HOUR, iat=-14 * HOUR),
        "not yet valid": signed(pool, exp=2 * HOUR, iat=HOUR, nbf=HOUR),
        "clock ahead": signed(pool, exp=3 * HOUR, iat=2 * HOUR),
        "half": good[: len(head) + 1 + len(body) // 2],
        "cut signature": good[:-5],
        "no signature": f"{head}.{body}.",
        "garbage": "not a token",
        "empty": "",
        "binary body": f"{head}.AAAA.{signature}",
        "command as time": signed(pool, exp=f"NOW[$(touch {CANARY})]", iat=0),
        "wrong issuer": signed(pool, exp=HOUR, iat=0, iss="some.other.pool"),
        "scope READ": pool.token("gltest1", "READ"),
        "scope MASTER": pool.token("gltest1", "READ", "ADVERTISE_MASTER"),
        "scope STARTD": pool.token("gltest1", "READ", "ADVERTISE_STARTD"),
    }
    return {name: crowd.start(users["gltest1"], token) for name, token in tokens.items()}


@pytest.mark.parametrize(
    ("name", "code", "reason", "words"),
    [
        ("wrong key", 16, "token-refused", "does not accept"),
        ("expired", 15, "token-time", "it expired 1"),
        ("clock behind", 15, "token-time", "it expired 72"),
        ("not yet valid", 15, "token-time", "it begins in 3"),
        ("half", 14, "token", "three parts"),
        ("cut signature", 16, "token-refused", "does not accept"),
        ("no signature", 14, "token", "three parts"),
        ("garbage", 14, "token", "three parts"),
        ("empty", 14, "token", "three parts"),
        ("binary body", 14, "token", "damaged"),
        ("command as time", 14, "token", "damaged"),
        ("wrong issuer", 16, "token-refused", "some.other.pool"),
        ("scope READ", 17, "token-scope", "advertise a slot"),
        ("scope MASTER", 17, "token-scope", "advertise a slot"),
        ("scope STARTD", 17, "token-scope", "ADVERTISE_MASTER"),
    ],
)
def test_a_bad_token(
    started: dict[str, Pilot], name: str, code: int, reason: str, words: str
) -> None:
    pilot = started[name]
    assert not CANARY.exists()
    assert pilot.wait(60) == code, pilot.text
    assert (pilot.reason, pilot.report["exit_code"]) == (reason, code)
    assert words in pilot.failed
    assert not pilot.told("joined")
    pilot.assert_clean()
    assert pilot.token.read_text().strip() not in pilot.text or name == "empty"


def test_a_token_made_by_a_clock_ahead_of_ours(started: dict[str, Pilot]) -> None:
    """Only iat lies ahead: a pool may take or refuse that; the pilot joins, or says who refused."""
    pilot = started["clock ahead"]
    end = time.monotonic() + 60
    while not pilot.told("joined") and pilot.ended() is None and time.monotonic() < end:
        time.sleep(0.1)
    assert pilot.told("joined") or pilot.reason == "token-refused", pilot.text

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidein.errors import ConfigError
from glidein.model import (
    Listing,
    PilotName,
    PoolAddress,
    RequestState,
    SeenRequest,
    checked_request_id,
    new_request_id,
)
from tests import strategies


@given(strategies.addresses)
def test_an_address_is_read_back(address: PoolAddress) -> None:
    assert PoolAddress.parse(str(address)) == address


def test_an_address_without_a_port_has_the_usual_one() -> None:
    assert PoolAddress.parse(" cm.example.org ") == PoolAddress("cm.example.org", 9618)


@pytest.mark.parametrize(
    "text", ["", ":9618", "cm:", "cm:0", "cm:65536", "cm:x", "a b", "cm?sock=", "-cm", "cm/9", "é"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--pool"):
        PoolAddress.parse(text)


@given(st.integers(0, 999_999), st.integers(0, 999_999))
def test_a_pilots_name_is_read_back_from_a_slots_name(index: int, restart: int) -> None:
    name = PilotName("g20261123-060000-abc", index, restart)
    for text in (f"{name}", f"slot1@{name}@host.example.org", f"slot1_2@{name}@h"):
        assert PilotName.parse(text) == name


@given(st.text(max_size=60))
def test_other_text_is_no_pilots_name_and_raises_nothing(text: str) -> None:
    found = PilotName.parse(text)
    assert found is None or str(found) in text


@given(st.binary(min_size=7, max_size=7), st.binary(min_size=7, max_size=7))
def test_request_ids_are_well_formed_and_keep_their_entropy(one: bytes, other: bytes) -> None:
    now = datetime(2026, 11, 23, 6, 7, 8, tzinfo=UTC)
    first, second = new_request_id(now, one), new_request_id(now, other)
    assert checked_request_id(first).startswith("g20261123-060708-")
    low = (1 << 50) - 1
    same = int.from_bytes(one, "big") & low == int.from_bytes(other, "big") & low
    assert (first == second) is same


@pytest.mark.parametrize("text", ["", "g", "G123", "g/..", "g 12", "g" * 60, "g12\n", "1ab"])
def test_what_is_no_request_id_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="glidein list"):
        checked_request_id(text)


def test_a_listing_finds_by_id() -> None:
    seen = SeenRequest("gone-two", RequestState.RUNNING)
    assert Listing(True, (seen,)).find("gone-two") is seen
    assert Listing(True, (seen,)).find("gother") is None

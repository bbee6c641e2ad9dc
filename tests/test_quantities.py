from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidein.errors import ConfigError
from glidein.quantities import parse_memory, parse_seconds, show_memory, show_seconds


@pytest.mark.parametrize(
    ("text", "mib"),
    [("1", 1), ("4096", 4096), ("4GB", 4096), ("1.5 GiB", 1536), ("2g", 2048), ("1T", 1 << 20),
     ("1k", 1), ("1025KB", 2), ("0.1g", 103), (" 64 GB ", 65536), ("3MiB", 3)],
)  # fmt: skip
def test_memory(text: str, mib: int) -> None:
    assert parse_memory(text) == mib


@pytest.mark.parametrize("text", ["", "0", "0g", "-1", "1x", "1 2", "GB", "1e3", "٣", "1..2"])
def test_no_memory(text: str) -> None:
    with pytest.raises(ConfigError, match="--memory"):
        parse_memory(text, "--memory")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1.5d", 129600),
     ("1w", 604800), ("02:00:00", 7200), ("1-00:00", 86400), ("1-02:03:04", 93784), ("0.5", 1)],
)  # fmt: skip
def test_seconds(text: str, seconds: int) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "10:30", "-1", "2y", "1:60:00", "h", "1 h 2", "1-2"])
def test_no_seconds(text: str) -> None:
    with pytest.raises(ConfigError, match="--lifetime"):
        parse_seconds(text, "--lifetime")


@given(st.text(max_size=20))
def test_odd_text_raises_nothing_else(text: str) -> None:
    for parse in (parse_memory, parse_seconds):
        with suppress(ConfigError):
            assert parse(text) >= 0


@given(st.integers(1, 1 << 30))
def test_memory_shown_is_near_what_it_is(mib: int) -> None:
    back = parse_memory(show_memory(mib))
    assert abs(back - mib) <= max(0.1 * 1024**2 if mib >= 1024**2 else 0.1 * 1024, 1)


@given(st.integers(0, 10**9))
def test_a_span_shown_is_near_what_it_is(seconds: int) -> None:
    units = {"d": 86400, "h": 3600, "min": 60, "s": 1}
    words = show_seconds(seconds).split()
    back = sum(
        int(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True)
    )
    assert 0 <= seconds - back < max(units[words[-1]], 1) + (back > 0)


def test_spans_in_words() -> None:
    assert show_seconds(7500) == "2 h 5 min"
    assert show_seconds(-60) == "-1 min"
    assert show_seconds(0.4) == "0 s"

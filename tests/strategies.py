"""Values for property tests: text as users really type it, and worse."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from glidein.model import (
    DirectAttach,
    PilotSpec,
    PoolAddress,
    Request,
    Resources,
    RuntimeChoice,
)

# Whatever a file name or an argument can hold, undecodable bytes (lone surrogates) included.
wild_text = st.text(st.characters(exclude_characters="\0"), max_size=40)
conf_text = st.text(st.characters(exclude_characters="\0\r", codec="utf-8"), max_size=40)
addresses = st.builds(
    PoolAddress,
    host=st.sampled_from(["cm", "cm.example.org", "127.0.0.1", "[::1]", "a-b_c.d"]),
    port=st.integers(1, 65535),
    sock=st.sampled_from(["", "collector", "c_1-2.3"]),
)
sizes = st.builds(
    Resources,
    cpus=st.none() | st.integers(1, 512),
    memory_mb=st.none() | st.integers(1, 1 << 24),
    disk_mb=st.none() | st.integers(1, 1 << 30),
    gpus=st.none() | st.integers(0, 16),
)


def specs(text: st.SearchStrategy[str]) -> st.SearchStrategy[PilotSpec]:
    """Specs whose free texts come from `text`."""
    return st.builds(
        PilotSpec,
        pool=addresses,
        owners=st.lists(text, max_size=4).map(tuple),
        start=text,
        resources=sizes,
        lifetime=st.integers(60, 10**7),
        idle_time=st.integers(1, 10**6),
        grace=st.integers(0, 10**5),
        name=text,
        direct_attach=st.none() | st.builds(DirectAttach, text, addresses, text),
    )


def requests(text: st.SearchStrategy[str]) -> st.SearchStrategy[Request]:
    """Requests whose free texts come from `text`."""
    return st.builds(
        Request,
        id=st.from_regex(r"g[a-z0-9-]{3,30}", fullmatch=True),
        provider=text,
        spec=specs(text),
        created=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants bounds without a zone
        pilots=st.integers(1, 1000),
        runtime=st.none() | st.builds(RuntimeChoice, text, text),
        options=st.dictionaries(text, text, max_size=3),
    )

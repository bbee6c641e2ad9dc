import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidein import asking
from glidein.errors import ConfigError
from glidein.model import PilotSpec, PoolAddress, Resources, RuntimeChoice

GOOD = asking.Words(
    pool="cm.example.org",
    owners=("alice,bob", "j.doe+x@y"),
    start="RequestCpus < 3",
    cpus="4",
    memory="16GB",
    gpus="0",
    lifetime="2h",
    idle_time="5m",
)


def test_words_become_a_spec() -> None:
    problems = asking.Problems()
    assert asking.spec(GOOD, problems) == PilotSpec(
        PoolAddress("cm.example.org"), ("alice", "bob", "j.doe+x@y"), "RequestCpus < 3",
        Resources(4, 16384, None, 0), 7200, 300, 60,
    )  # fmt: skip
    problems.settle()


def test_all_problems_come_at_once() -> None:
    problems = asking.Problems()
    words = asking.Words("", ("a,,b",), "((", "0", "x", "-1", "5", "soon", "y", "a\rb", "/no", "1")
    asking.spec(words, problems)
    asking.runtime(words, problems)
    with pytest.raises(ConfigError) as caught:
        problems.settle()
    paths = {problem.path for problem in caught.value.problems}
    assert paths == {"--pool", "--owners", "--start", "--cpus", "--memory", "--gpus", "--lifetime",
                     "--idle-time", "--grace", "--name", "--runtime", "--sha256"}  # fmt: skip


@given(st.lists(st.text(max_size=12), min_size=12, max_size=12), st.lists(st.text(max_size=9)))
def test_odd_words_are_problems_and_nothing_worse(texts: list[str], owners: list[str]) -> None:
    problems = asking.Problems()
    names = [field.name for field in dataclasses.fields(asking.Words) if field.name != "owners"]
    words = asking.Words(owners=owners, **dict(zip(names, texts, strict=False)))
    assert isinstance(asking.spec(words, problems), PilotSpec)
    asking.runtime(words, problems)


def test_which_runtime(tmp_path: Path) -> None:
    problems = asking.Problems()
    url, digest = "https://example.org/condor.tar.gz", "AB" * 32
    assert asking.runtime(asking.Words(), problems) is None
    found = asking.runtime(asking.Words(runtime=url, sha256=digest), problems)
    assert found == RuntimeChoice(url, digest.lower())
    found = asking.runtime(asking.Words(runtime=str(tmp_path)), problems)
    assert found == RuntimeChoice(str(tmp_path))
    problems.settle()

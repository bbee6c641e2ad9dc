import dataclasses
import tarfile
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
    master = tmp_path / "sbin" / "condor_master"
    master.parent.mkdir()
    master.touch(mode=0o755)
    archive = tmp_path / "condor.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(master, "sbin/condor_master")
    for path in (tmp_path, archive):
        found = asking.runtime(asking.Words(runtime=str(path)), problems)
        assert found == RuntimeChoice(str(path))
    problems.settle()


def test_what_is_no_runtime_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no tarball")
    for path, why in ((tmp_path, "no sbin/condor_master"), (file, "neither a folder nor a tarball"),
                      (tmp_path / "no", "is not there")):  # fmt: skip
        problems = asking.Problems()
        asking.runtime(asking.Words(runtime=str(path)), problems)
        assert why in problems.found[0].message
        assert "glidein runtime get" in problems.found[0].remedy


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("owners", ("alice bob",), "'alice bob' has a blank inside. Write --owners alice,bob"),
        ("owners", ("a\nb",), "--owners: 'a\\nb' holds a control character"),
        ("owners", ("a\x1b[31m",), "control character"),
        ("name", "na\x07me", "--name: 'na\\x07me' holds a control character"),
        ("lifetime", "9999999999999", "--lifetime"),
        ("lifetime", "999999999999w", "--lifetime: '999999999999w' is too long"),
        ("lifetime", "9999999999", "is too long. Write 12h or 3d; at most 3650d"),
        ("idle_time", "999999999999d", "--idle-time"),
        ("grace", "3h", "--grace: '3h' is longer than the pilot's 2 h. Give a shorter --grace"),
        ("memory", "10", "--memory: '10' was understood as 10 MiB, too little. Write 10GB, or"),
        ("memory", "511MB", "at least 512MB"),
        ("cpus", "0", "--cpus: '0' cannot be. Write a whole number from 1"),
        ("cpus", "1" * 5000, "--cpus"),
        ("gpus", "-1", "--gpus: '-1' cannot be. Write a whole number from 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_problem(field: str, value: object, words: str) -> None:
    problems = asking.Problems()
    asking.spec(dataclasses.replace(GOOD, **{field: value}), problems)  # type: ignore[arg-type]
    assert len(problems.found) == 1
    assert words in str(problems.found[0])


def test_the_least_that_may_be_meant() -> None:
    problems = asking.Problems()
    words = dataclasses.replace(GOOD, memory="0.5GB", lifetime="3650d", grace="3650d")
    assert asking.spec(words, problems).resources.memory_mb == 512
    problems.settle()

"""QUEUE@SYSTEM as users type it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidein import catalogue
from glidein.errors import ConfigError

KNOWN = catalogue.merge(catalogue.shipped())


@pytest.mark.parametrize(
    ("text", "queue", "system"),
    [
        ("GPU@bridges2", "GPU", "bridges2"),
        (" GPU@Bridges2 ", "GPU", "bridges2"),
        ("bridges2", "RM", "bridges2"),
        ("gpu-shared@expanse", "gpu-shared", "expanse"),
        ("PATH-facility", "cpu", "path-facility"),
        ("generic", "default", "generic"),
    ],
)
def test_a_target_is_found(text: str, queue: str, system: str) -> None:
    found = catalogue.parse_target(text, KNOWN)
    assert (found[1].name, found[0].name) == (queue, system)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("expansive", "Did you mean expanse?"),
        ("compute@expansive", "Did you mean expanse?"),
        ("GPU-Shared@bridges2", "Did you mean GPU-shared@bridges2?"),
        ("gpu@bridges2", "Did you mean GPU@bridges2?"),
        ("gpua100x4@delta", "Did you mean gpuA100x4@delta?"),
        ("wholenodes@anvil", "Did you mean wholenode@anvil?"),
        ("zzzz@anvil", "It has: wholenode, wide, shared, gpu, gpu-debug"),
        ("qwertz", "Known are: anvil, bridges2"),
        ("@anvil", "Example: GPU@bridges2"),
        ("gpu@", "Example: GPU@bridges2"),
        ("", "Example: GPU@bridges2"),
        ("a b@generic", "has no queue 'a b'"),
    ],
)
def test_a_near_miss_gets_one_message_with_a_suggestion(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        catalogue.parse_target(text, KNOWN)
    (problem,) = caught.value.problems
    assert problem.path == "QUEUE@SYSTEM"
    assert says in str(problem)


def test_a_campus_cluster_has_whatever_partition_is_named() -> None:
    _, named = catalogue.parse_target("gpu-long@generic", KNOWN)
    _, default = catalogue.parse_target("generic", KNOWN)
    assert (named.batch_name, default.batch_name) == ("gpu-long", "")


@given(st.text(max_size=40))
def test_any_text_is_a_target_or_one_clear_problem(text: str) -> None:
    problems: tuple[object, ...] = ()
    try:
        system, queue = catalogue.parse_target(text, KNOWN)
    except ConfigError as error:
        problems = error.problems
    assert len(problems) == 1 or (queue.name and system.name in KNOWN.systems)

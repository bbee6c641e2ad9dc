"""The strict reader and the overlays."""

import tomllib
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidein import catalogue
from glidein.catalogue import Catalogue, Source, writing
from glidein.errors import ConfigError

SHIPPED = catalogue.shipped()
TABLES = {each.system: tomllib.loads(each.text) for each in SHIPPED}
MINE = """
title = "Mine"
dialect = "Slurm"
default_queue = "batch"
source = "me"
checked = 2026-11-23
[queues.batch]
share = "cores"
gpus = 0
"""


def read(text: str, name: str = "mine", origin: str = "/home/me/mine.toml") -> Catalogue:
    return catalogue.merge([*SHIPPED, Source(name, origin, text)])


def wrong(text: str, name: str = "mine") -> list[str]:
    return [str(problem) for problem in read(text, name).broken[name]]


def _paths(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in table.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from _paths(value, (*path, key))


def _named_by_the_user(path: tuple[str, ...]) -> bool:
    return path[:-1] in {("queues",), ("knobs",)} or path[-2:-1] == ("variants",)


EVERY = [(name, path) for name, table in TABLES.items() for path in _paths(table)]


def _replaced(table: dict[str, Any], path: tuple[str, ...], key: str, value: Any) -> dict[str, Any]:
    head, *rest = path
    inner = _replaced(table[head], tuple(rest), key, value) if rest else value
    return {key if each == head and not rest else each: inner if each == head else old
            for each, old in table.items()}  # fmt: skip


@pytest.mark.parametrize(("name", "path"), [(n, p) for n, p in EVERY if not _named_by_the_user(p)])
def test_every_key_misspelt_is_refused_with_what_was_meant(
    name: str, path: tuple[str, ...]
) -> None:
    old = TABLES[name]
    for part in path:
        old = old[part]
    text = writing.toml(_replaced(TABLES[name], path, f"{path[-1]}x", old))
    said = [str(each) for each in catalogue.merge([Source(name, "f", text)]).broken[name]]
    meant = [each for each in said if f"{path[-1]}x: is an unknown key" in each]
    assert len(meant) == 1
    assert f"Did you mean {path[-1]}?" in meant[0]


@given(
    st.sampled_from(EVERY),
    st.recursive(
        st.one_of(st.booleans(), st.integers(-9, 2**70), st.text(max_size=9), st.dates(),
                  st.floats(allow_nan=False, allow_infinity=False)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner,
                                                                    max_size=3), max_leaves=6),
)  # fmt: skip
def test_no_value_anywhere_makes_the_reader_do_anything_but_say_so(
    place: tuple[str, tuple[str, ...]], value: Any
) -> None:
    name, path = place
    table = _replaced(TABLES[name], path, path[-1], value)
    # Straight to the reader: what TOML can hold beyond our writer comes in here too.
    from glidein.catalogue.building import read_system

    found = read_system(name, table, lambda path: "f.toml")
    if isinstance(found, list):
        assert found
        assert all(problem.path.startswith("f.toml: ") for problem in found)


@given(st.text(max_size=200))
def test_no_text_makes_it_raise(text: str) -> None:
    found = catalogue.merge([Source("mine", "f.toml", text)])
    assert "mine" in found.broken
    assert all(problem.path.startswith("f.toml") for problem in found.problems)


plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.recursive(
    st.dictionaries(plain, st.booleans() | st.integers(-(2**63), 2**63 - 1) | plain
                    | st.dates(date(1, 1, 1)) | st.lists(plain, max_size=3), max_size=4),
    lambda inner: st.dictionaries(plain, inner, max_size=3), max_leaves=8))  # fmt: skip
def test_what_is_written_is_read_back(table: dict[str, Any]) -> None:
    assert tomllib.loads(writing.toml(table, "a remark")) == table


def test_every_problem_is_said_at_once_by_file_and_path() -> None:
    found = wrong(
        MINE.replace('"Slurm"', '"PBS"')
        + 'cores = "64"\nmemory = "256"\nmax_walltime = "48x"\nmax_nodes = 0\nmust_ask = ["gpus"]\n'
        '[queues.other]\ngpus = true\n[login]\nhosts = "x"\n[knobs]\n"A B" = "1"\n'
    )
    start = "/home/me/mine.toml: "
    assert all(each.startswith(start) for each in found)
    at = {each.removeprefix(start).partition(":")[0] for each in found}
    assert at == {
        "dialect", "queues.batch.cores", "queues.batch.memory", "queues.batch.max_walltime",
        "queues.batch.max_nodes", "queues.batch.must_ask", "queues.other.gpus",
        "queues.other.share", "login.hosts", 'knobs."A B"',
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('memory = "262144"', "with a unit"),
        ("memory = 262144", "with a unit"),
        ('max_walltime = "3600"', "with a unit"),
        ('max_walltime = "10:00"', "no span of time"),
        ('max_walltime = "0h"', "no time at all"),
        ('memory = "0GB"', "no memory at all"),
        ('may_ask = ["cpu"]', "none of cpus"),
        ('must_ask = ["cpus or gpu"]', "none of cpus"),
        ('must_ask = ["gpus"]', "may_ask has it not"),
        ('gpu_types = ["a100"]', "although gpus is 0"),
        ("min_nodes = 3\nmax_nodes = 2", "less than min_nodes"),
        ('min_walltime = "2h"\nmax_walltime = "1h"', "less than min_walltime"),
        ("cores = 10\ncpus_multiple = 4", "no multiple of 4"),
        ('constraint = "a b"', "no constraint"),
        ('constraint = "$(id)"', "no constraint"),
        ('batch_name = "a;b"', "no name"),
        ('checked = "2026-11-23"', "no date"),
        ('note = "two\\nlines"', "one line"),
        ("source = ''", "is empty"),
        ("cores = true", "no whole number"),
        ("cores = 3.5", "no whole number"),
    ],
)
def test_what_a_queue_cannot_be(line: str, says: str) -> None:
    (problem,) = wrong(f"{MINE}{line}\n")
    assert says in problem


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('default_queue = "bach"', "Did you mean batch?"),
        ('scratch = ["tmp"]', "no folder"),
        ('scratch = ["/a/$(id)"]', "no folder"),
        ('login = {hosts = ["-oProxyCommand=x"]}', "no host"),
        ('login = {fingerprints = ["abc"]}', "no fingerprint"),
        ("queues = 3", "is no table"),
        ('setup = ["a", "a"]', "twice"),
    ],
)
def test_what_a_system_cannot_be(line: str, says: str) -> None:
    key = line.partition(" ")[0]
    kept = [each for each in MINE.splitlines() if not each.startswith(f"{key} =")]
    if key == "queues":
        kept = kept[: kept.index("[queues.batch]")]
    assert any(says in each for each in wrong("\n".join([line, *kept])))


def test_whole_nodes_share_out_no_cores() -> None:
    text = MINE.replace('"cores"', '"node"') + 'may_ask = ["cpus"]\n'
    assert "not shared out" in wrong(text)[0]


def test_gpus_need_an_option_to_ask_for_them() -> None:
    assert "gpu.option" in wrong(MINE.replace("gpus = 0", "gpus = 2"))[0]


def test_an_overlay_changes_single_values_and_adds_queues() -> None:
    found = read(
        'title = "My Anvil"\n[queues.wide]\nmax_nodes = "none"\n[queues.ai]\nshare = "cores"\n',
        "anvil",
    )
    system = found.get("anvil")
    before = catalogue.merge(SHIPPED).get("anvil")
    wide, old = system.queue("wide"), before.queue("wide")
    assert wide is not None
    assert old is not None
    assert system.title == "My Anvil"
    assert (wide.max_nodes, wide.max_walltime) == (None, old.max_walltime)
    assert [queue.name for queue in system.queues] == [*(q.name for q in before.queues), "ai"]
    origins = found.origins["anvil"]
    assert origins["title"] == origins["queues.wide.max_nodes"] == "/home/me/mine.toml"
    assert origins["queues.wide.max_walltime"] == origins["default_queue"] == "shipped"


def test_an_overlay_can_clear_the_retired_mark() -> None:
    assert read('retired = ""', "stampede2").get("stampede2").retired == ""


def test_a_problem_names_the_file_that_has_it() -> None:
    (mine,) = read("[queues.cpu]\ncores = 0", "delta").broken["delta"]
    assert mine.path == "/home/me/mine.toml: queues.cpu.cores"
    (shipped,) = catalogue.merge([Source("x", "shipped", MINE + "max_jobs = 0")]).broken["x"]
    assert shipped.path == "x.toml: queues.batch.max_jobs"


def test_a_broken_system_hides_no_other_and_is_never_used_in_part() -> None:
    found = read("[queues.cpu]\ncores = 0", "delta")
    assert "delta" not in found.systems
    assert len(found.systems) == len(SHIPPED) - 1
    with pytest.raises(ConfigError, match=r"queues\.cpu\.cores"):
        found.get("delta")
    with pytest.raises(ConfigError, match=r"queues\.cpu\.cores"):
        catalogue.parse_target("cpu@delta", found)


def test_a_system_must_say_where_its_facts_are_from_and_of_when() -> None:
    kept = [line for line in MINE.splitlines() if not line.startswith(("source", "checked"))]
    assert wrong("\n".join(kept)) == [
        "/home/me/mine.toml: source: is missing",
        "/home/me/mine.toml: checked: is missing",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (MINE + '[queues."a b"]\nshare = "cores"\n', "no queue's name"),
        (MINE.partition("[queues")[0], "a system has at least one queue"),
        (MINE.replace('"cores"', '"some"'), "none of node, cores, gpus"),
        ("", "title: is missing"),
    ],
)
def test_queues_have_names_and_there_is_one(text: str, says: str) -> None:
    assert any(says in each for each in wrong(text))


def test_a_queue_out_of_service_says_why() -> None:
    found = read(MINE + 'retired = "no power, 2026-11-01"\n').get("mine")
    (problem,) = catalogue.retirement(found, found.queues[0])
    assert str(problem).startswith("batch@mine: this queue is retired: no power, 2026-11-01")

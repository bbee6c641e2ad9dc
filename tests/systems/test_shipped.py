"""The files that ship, beside the facts of the annex's own table that they were taken from."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from glidein import catalogue
from glidein.catalogue import Dialect, Queue, Select, Share, System

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "annex_systems.json").read_text())
SHIPPED = catalogue.merge(catalogue.shipped())
SYSTEMS = SHIPPED.systems
CORRECTED = {each["at"]: each for each in GOLDEN["corrections"]}
PAIRS = [(name, queue) for name, each in GOLDEN["systems"].items() for queue in each["queues"]]
QUEUES = [pytest.param(s, q, id=f"{q.name}@{s.name}") for s in SYSTEMS.values() for q in s.queues]


def _expected(at: str, table: Any, used: set[str]) -> Any:
    """What the annex's table says at that path, or its correction."""
    if at not in CORRECTED:
        return table
    used.add(at)
    assert CORRECTED[at]["was"] == table, at
    assert CORRECTED[at]["source"]
    return CORRECTED[at]["is"]


def test_all_files_are_right_and_all_systems_there() -> None:
    assert SHIPPED.problems == ()
    assert set(SYSTEMS) == {*GOLDEN["systems"], "generic"}


def test_what_the_seed_lists_is_there() -> None:
    wanted = {
        "delta": "cpu cpu-interactive gpuA100x4 gpuA100x4-preempt gpuA100x8 gpuA40x4"
        " gpuA40x4-preempt",
        "stampede2": "normal development skx-normal",
        "expanse": "compute gpu shared gpu-shared",
        "anvil": "wholenode wide shared gpu gpu-debug",
        "bridges2": "RM RM-512 RM-shared EM GPU GPU-shared",
        "path-facility": "cpu",
    }
    for name, queues in wanted.items():
        assert set(queues.split()) <= {queue.name for queue in SYSTEMS[name].queues}


@pytest.mark.parametrize("name", list(GOLDEN["systems"]))
def test_a_system_is_as_in_the_annexs_table(name: str) -> None:
    theirs, ours = GOLDEN["systems"][name], SYSTEMS[name]
    assert ours.dialect is Dialect(theirs["dialect"])
    assert list(ours.login.hosts) == theirs["hosts"]
    assert ours.default_queue == theirs["default_queue"]
    assert ours.project.required is theirs["project_required"]
    assert ours.select is Select(theirs["select"])
    assert ours.gpu.option == theirs["gpu_option"]
    assert {queue.name for queue in ours.queues} == set(theirs["queues"])


@pytest.mark.parametrize(("name", "queue_name"), PAIRS)
def test_a_queue_is_as_in_the_annexs_table_or_corrected(name: str, queue_name: str) -> None:
    theirs, used = GOLDEN["systems"][name]["queues"][queue_name], set[str]()
    ours = SYSTEMS[name].queue(queue_name)
    assert ours is not None
    here = f"{name}.queues.{queue_name}"
    assert ours.share is Share(theirs["share"])
    for key in ("cores", "memory", "gpus", "memory_directive", "max_nodes", "max_jobs",
                "max_walltime"):  # fmt: skip
        assert getattr(ours, key) == _expected(f"{here}.{key}", theirs[key], used), key
    types = _expected(f"{here}.gpu_types", theirs["gpu_types"], used)
    assert list(ours.known_gpu_types) == types
    if theirs["gpu_scope"] is not None:
        assert SYSTEMS[name].gpu.scope == theirs["gpu_scope"]
    if not ours.variants:
        constraint = GOLDEN["systems"][name]["constraint"]
        if name != "perlmutter":
            assert ours.constraint == _expected(f"{name}.constraint", constraint, used)
    _compare_variants(here, theirs.get("variants", {}), ours, used)
    assert used >= {at for at in CORRECTED if at.startswith(f"{here}.")}, "an unused correction"


def _compare_variants(here: str, theirs: Any, ours: Queue, used: set[str]) -> None:
    known = {each.name: each for each in ours.variants}
    assert theirs.keys() <= known.keys()
    for name, figures in theirs.items():
        each = known[name]
        shape = ours.shape(16 if "x16" in name else each.gpus or 0, each.when_gpu_type)
        assert shape is not None
        for key, value in figures.items():
            at = f"{here}.variants.{name}.{key}"
            assert getattr(shape, key) == _expected(at, value, used), at


@pytest.mark.parametrize(("system", "queue"), QUEUES)
def test_every_queue_keeps_the_laws_of_sane_facts(system: System, queue: Queue) -> None:
    assert system.source
    assert queue.source
    assert date(2026, 1, 1) <= queue.checked
    for limit in (queue.cores, queue.max_nodes, queue.max_walltime, queue.max_jobs):
        assert limit is None or limit > 0
    if queue.cores and queue.memory:
        assert 1024 <= queue.memory / queue.cores <= 64 * 1024
    if queue.max_walltime is not None:
        assert queue.max_walltime % 1800 == 0
    assert queue.preemptible is queue.name.endswith(("-preempt", "pre"))


def test_only_what_has_a_source_is_said() -> None:
    assert all(system.login.fingerprints == () for system in SYSTEMS.values())
    generic = SYSTEMS["generic"].queues[0]
    limits = {key for key, value in asdict(generic).items() if key.startswith(("max_", "min_"))
              and value not in (None, 1)}  # fmt: skip
    assert limits == set()


def test_the_retired_system_says_why_and_since_when() -> None:
    retired = {name: each.retired for name, each in SYSTEMS.items() if each.retired}
    assert list(retired) == ["stampede2"]
    assert "2024" in retired["stampede2"]
    (problem,) = catalogue.retirement(SYSTEMS["stampede2"], SYSTEMS["stampede2"].queues[0])
    assert "TACC closed it" in str(problem)
    assert "glidein systems add stampede2 --in-service" in str(problem)
    assert catalogue.retirement(SYSTEMS["delta"], SYSTEMS["delta"].queues[0]) == []


def test_which_node_perlmutter_gives_is_said_by_a_constraint() -> None:
    regular = SYSTEMS["perlmutter"].queue("regular")
    assert regular is not None
    cpu, gpu = regular.shape(0, ""), regular.shape(4, "")
    assert cpu is not None
    assert gpu is not None
    assert (cpu.constraint, cpu.max_nodes) == ("cpu", 3072)
    assert (gpu.constraint, gpu.max_nodes) == ("gpu", 1536)

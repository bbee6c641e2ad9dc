"""Validation: a table for every rule, and laws over any ask of any queue."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidein import catalogue, validation
from glidein.asking import Problems
from glidein.batchask import AskWords, BatchAsk, completed, read_ask
from glidein.catalogue import Source

OWN = """
title = "Own"
dialect = "Slurm"
default_queue = "short"
source = "a test"
checked = 2026-11-23
[queues.short]
share = "cores"
gpus = 0
may_ask = ["cpus", "memory"]
must_ask = ["memory"]
min_nodes = 2
min_walltime = "10m"
max_walltime = "1h"
max_jobs = 1
arrays = false
[queues.serial]
share = "cores"
gpus = 0
arrays = false
"""
KNOWN = catalogue.merge([*catalogue.shipped(), Source("own", "own.toml", OWN)])
# What each system's queues want, besides what a test is about.
FITTING = BatchAsk(project="p", lifetime=1200)


def problems(target: str, ask: BatchAsk) -> list[str]:
    system, queue = catalogue.parse_target(target, KNOWN)
    return [str(each) for each in validation.validate(ask, system, queue)]


def ask(**fields: object) -> BatchAsk:
    return replace(FITTING, **fields)  # type: ignore[arg-type]


RIGHT = [
    ("GPU@bridges2", BatchAsk(nodes=1, lifetime=7200, project="sta230005p", gpu_type="v100-16")),
    ("GPU@bridges2", ask(gpu_type="v100-32", gpus=8, nodes=4)),
    ("GPU@bridges2", ask(gpu_type="v100-32", gpus=16)),
    ("GPU-shared@bridges2", ask(gpu_type="v100-16", gpus=4)),
    ("GPU-shared@bridges2", ask(gpu_type="h100-80", gpus=1)),
    ("RM@bridges2", ask(nodes=50, lifetime=172800)),
    ("EM@bridges2", ask(cpus=72, lifetime=432000)),
    ("RM-shared@bridges2", ask(cpus=64)),
    ("cpu@delta", ask(nodes=4, cpus=128, memory=262144)),
    ("gpuA40x4@delta", ask(gpus=4, cpus=64)),
    ("gpu@expanse", ask(nodes=4)),
    ("gpu@expanse", ask(gpus=4)),
    ("gpu-shared@expanse", ask(cpus=10, gpus=3)),
    ("gpu-debug@anvil", ask(cpus=10, gpus=2, lifetime=1800)),
    ("regular@perlmutter", ask(nodes=3072)),
    ("regular@perlmutter", ask(nodes=1536, gpus=4)),
    ("regular@perlmutter", ask(gpus=0)),
    ("cpu@path-facility", ask()),
    ("normal@stampede2", ask(nodes=256)),
    ("shared@spark", ask(nodes=2, memory=64000)),
    ("generic", BatchAsk(nodes=10, cpus=48, lifetime=86400)),
    ("gpu@generic", BatchAsk(gpus=3, gpu_type="a100", jobs=500, memory=10**6, lifetime=60)),
    ("shared@expanse", ask(jobs=4096, cpus=1)),
]


@pytest.mark.parametrize(("target", "right"), RIGHT)
def test_what_a_queue_takes_has_no_problem(target: str, right: BatchAsk) -> None:
    assert problems(target, right) == []


WRONG = [
    # Lower bounds, which today's annex does not have.
    ("RM@bridges2", ask(nodes=0), "--nodes: 0 is no number of nodes. At least 1"),
    ("RM@bridges2", ask(nodes=-3), "--nodes: -3 is no number"),
    ("generic", ask(jobs=0), "--jobs: 0 is no number"),
    ("shared@spark", ask(cpus=0), "--cpus: 0 is no number of cores"),
    ("shared@spark", ask(cpus=-1), "--cpus: -1 is no number of cores"),
    ("shared@spark", ask(memory=64), "--memory: 64 MiB is too little for a pilot and a job."
     " At least 512MB; perhaps you mean 64GB"),
    ("gpuA40x4@delta", ask(cpus=1, gpus=-1), "--gpus: -1 is no number"),
    ("gpuA40x4@delta", ask(cpus=1, gpus=0), "--gpus: 0 is no number of GPUs for gpuA40x4@delta."
     " From 1 to 4"),
    ("RM@bridges2", ask(lifetime=0), "--lifetime: 0 s is too short"),
    ("RM@bridges2", ask(lifetime=-9), "--lifetime: -9 s is too short"),
    ("RM@bridges2", ask(idle_time=0), "--idle-time: 0 is no time"),
    ("short@own", ask(nodes=2, memory=999, lifetime=300),
     "--lifetime: 5 min is less than short@own takes. At least 10 min"),
    ("short@own", ask(nodes=1, memory=999), "--nodes: 1 is less than short@own takes. At least 2"),
    # Upper limits; the message says them.
    ("RM@bridges2", ask(nodes=51), "--nodes: 51 is more than RM@bridges2 gives a batch job."
     " At most 50"),
    ("GPU@bridges2", ask(gpu_type="v100-32", gpus=16, nodes=2), "At most 1"),
    ("GPU-shared@bridges2", ask(gpu_type="v100-32", gpus=4, nodes=4), "At most 1"),
    ("regular@perlmutter", ask(gpus=4, nodes=1537), "At most 1536"),
    ("regular@perlmutter", ask(nodes=3073), "At most 3072"),
    ("cpu@delta", ask(cpus=129), "--cpus: 129 is more than cpu@delta gives of a node."
     " At most 128"),
    ("shared@spark", ask(cpus=64, nodes=6), "--nodes: 6 is more"),
    ("shared@spark", ask(cpus=64, nodes=6), "--cpus: 64 on each of 6 nodes is more than"
     " shared@spark gives a batch job. At most 320 in all"),
    ("gpuA40x4@delta", ask(gpus=1, memory=262145), "At most 262144MB (256 GiB)"),
    ("int@spark", ask(memory=65537), "--memory"),
    ("gpuA40x4@delta", ask(cpus=1, gpus=5), "--gpus: 5 is more"),
    ("gpu-shared@expanse", ask(cpus=1, gpus=4), "At most 3"),
    ("GPU-shared@bridges2", ask(gpu_type="v100-16", gpus=5), "At most 4"),
    ("development@stampede2", ask(lifetime=7201), "--lifetime: 2 h 1 s is more than"
     " development@stampede2 gives. At most 2 h: --lifetime 7200"),
    ("debug@perlmutter", ask(lifetime=3600), "At most 30 min: --lifetime 1800"),
    ("generic", ask(lifetime=400 * 86400), "--lifetime"),
    ("RM@bridges2", ask(lifetime=600, idle_time=700), "--idle-time: 11 min 40 s is longer than the"
     " pilot lives. At most 10 min, or a longer --lifetime"),
    ("gpu-debug@anvil", ask(cpus=1, gpus=1, jobs=3), "--jobs: 3 is more batch jobs than"
     " gpu-debug@anvil lets one user have. At most 2"),
    # What this queue does not let one ask for.
    ("RM@bridges2", ask(cpus=4), "--cpus: RM@bridges2 gives whole nodes: all their cores are yours."
     " Leave it out"),
    ("compute@expanse", ask(memory=4096), "--memory: compute@expanse gives whole nodes"),
    ("RM-shared@bridges2", ask(cpus=4, memory=4096), "--memory: RM-shared@bridges2 sets"),
    ("EM@bridges2", ask(cpus=24, memory=4096), "--memory: EM@bridges2"),
    ("GPU-shared@bridges2", ask(gpu_type="v100-16", gpus=1, cpus=5), "--cpus: GPU-shared@bridges2"
     " gives cores and memory with each GPU"),
    ("cpu@delta", ask(cpus=1, gpus=1), "no GPUs. Queues with GPUs: gpuA100x4"),
    ("cpu@delta", ask(cpus=1, gpus=0), "--gpus: cpu@delta has no GPUs"),
    ("shared@spark", ask(cpus=1, gpu_type="a100"), "--gpu-type: shared@spark has no GPUs."
     " Leave it out"),
    ("gpuA40x4@delta", ask(cpus=1, gpus=1, gpu_type="a40"), "--gpu-type: gpuA40x4@delta has one"
     " type of GPU only"),
    ("serial@own", ask(jobs=2), "--jobs: serial@own takes no job arrays. Use --nodes instead"),
    ("generic", ask(jobs=2, nodes=2), "--jobs: makes batch jobs of one node each"),
    # What it wants to be told.
    ("cpu@delta", ask(), "--cpus or --memory: is missing"),
    ("gpuA40x4@delta", ask(cpus=1), "--gpus: is missing: gpuA40x4@delta wants to be told."
     " From 1 to 4"),
    ("GPU@bridges2", ask(), "--gpu-type: is missing: GPU@bridges2 wants to be told."
     " One of v100-32"),
    ("EM@bridges2", ask(), "--cpus: is missing: EM@bridges2 wants to be told. Example: --cpus 24"),
    ("short@own", ask(nodes=2, cpus=1), "--memory: is missing: short@own wants to be told"),
    ("cpu@delta", ask(cpus=1, project=""), "--project: is missing: Delta (NCSA) charges every batch"
     " job. Name the project; yours are listed there by: accounts"),
    # Forms.
    ("EM@bridges2", ask(cpus=47), "--cpus: 47 is no multiple of 24. EM@bridges2 takes 24, 48, 72,"
     " 96"),
    ("GPU@bridges2", ask(gpu_type="v100-8"), "Did you mean v100-"),
    ("GPU@bridges2", ask(gpu_type="V100-16"), "Did you mean v100-16? It has: v100-32, v100-16"),
    ("GPU@bridges2", ask(gpu_type="v100-32", gpus=4), "--gpus: 4 is not what a node of GPU@bridges2"
     " has: it is given whole. Leave it out, or write 8 or 16"),
    ("regular@perlmutter", ask(gpus=2), "Leave it out, or write 4"),
    ("gpu@expanse", ask(gpus=0), "--gpus: 0 is not what a node of gpu@expanse has"),
    ("generic", ask(gpus=1, gpu_type="a b"), "--gpu-type: 'a b' is no type"),
    ("generic", ask(project="a b"), "--project: 'a b' is no project's name"),
    ("generic", ask(project="$(id)"), "--project"),
    # Further options of sbatch.
    ("generic", ask(options=(("time", "1"),)), "--sbatch time: has a word of its own here."
     " Use --lifetime"),
    ("generic", ask(options=(("wrap", "id"),)), "--sbatch wrap: is not handed on"),
    ("generic", ask(options=(("comment", "a b"),)), "--sbatch comment: 'a b' cannot stand"),
    ("generic", ask(options=(("comment", "a\nb"),)), "--sbatch comment"),
    ("generic", ask(options=(("nice", "1"), ("nice", "2"))), "--sbatch nice: is given twice"),
    ("regular@perlmutter", ask(options=(("qos", "x"),)), "--sbatch qos: is what chooses the queue"),
    ("cpu@path-facility", ask(options=(("nice", "1"),)), "--sbatch: PATh Facility has no Slurm"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "wrong", "says"), WRONG)
def test_what_a_queue_does_not_take_is_said_with_its_option(
    target: str, wrong: BatchAsk, says: str
) -> None:
    said = problems(target, wrong)
    assert any(says in each for each in said), said


def test_the_options_that_are_handed_on() -> None:
    options = (("reservation", "r1"), ("qos", "high"), ("constraint", "gpu&hbm80g"),
               ("mail-user", "a@b.org"), ("mail-type", "END"), ("comment", "x"),
               ("exclusive", ""))  # fmt: skip
    assert problems("generic", ask(options=options)) == []


def test_all_problems_are_said_at_once_and_each_once() -> None:
    wrong = BatchAsk(nodes=60, cpus=3, memory=100, gpus=2, gpu_type="x", lifetime=10**6,
                     idle_time=-1, project="a b")  # fmt: skip
    said = problems("RM@bridges2", wrong)
    fields = sorted(each.partition(":")[0] for each in said)
    assert fields == ["--cpus", "--gpu-type", "--gpus", "--idle-time", "--lifetime", "--memory",
                      "--nodes", "--project"]  # fmt: skip


numbers = st.integers(-(2**70), 2**70) | st.integers(-2, 40) | st.sampled_from([10**6])
words = st.text(max_size=12)
asks = st.builds(
    BatchAsk,
    nodes=numbers,
    jobs=numbers,
    cpus=st.none() | numbers,
    memory=st.none() | numbers,
    gpus=st.none() | numbers,
    gpu_type=words | st.sampled_from(["v100-32", "v100-16", "V100-32"]),
    lifetime=numbers,
    idle_time=st.none() | numbers,
    project=words,
    options=st.lists(st.tuples(words | st.sampled_from(["time", "qos"]), words), max_size=3).map(
        tuple
    ),
)
TARGETS = [(s, q) for s in KNOWN.systems.values() for q in s.queues]


@given(asks, st.sampled_from(TARGETS))
def test_any_ask_gets_problems_that_name_an_option_or_is_within_all_limits(
    any_ask: BatchAsk, target: tuple[catalogue.System, catalogue.Queue]
) -> None:
    system, queue = target
    found = validation.validate(any_ask, system, queue)
    assert all(each.path.startswith("--") for each in found)
    assert all(each.message and each.remedy for each in found)
    if not found:
        assert 1 <= any_ask.nodes <= (queue.max_nodes or 2**80)
        assert 60 <= any_ask.lifetime <= (queue.max_walltime or 2**80)
        assert (any_ask.cpus or 0) <= (queue.cores or 2**80)
        assert any_ask.project or not system.project.required


def _read(**said: str) -> tuple[BatchAsk, list[str]]:
    found = Problems()
    read = read_ask(AskWords(**said), found)
    return read, [str(each) for each in found.found]


def test_words_are_read_with_units_and_without() -> None:
    read, found = _read(nodes="2", cpus="48", memory="64GB", gpus="v100-32:8", lifetime="2h",
                        idle_time="300", project=" p ")  # fmt: skip
    assert found == []
    assert read == BatchAsk(2, 1, 48, 65536, 8, "v100-32", 7200, 300, "p")
    assert _read(memory="4096", lifetime="7200")[0].memory == 4096
    assert _read()[0] == BatchAsk(lifetime=3600)
    found_options = Problems()
    options = read_ask(AskWords(options=["--qos=x", "exclusive"]), found_options).options
    assert options == (("qos", "x"), ("exclusive", ""))


def test_a_zero_that_was_typed_stays_one_to_be_refused() -> None:
    read, _ = _read(nodes="0", jobs="0", gpus="0")
    assert (read.nodes, read.jobs, read.gpus) == (0, 0, 0)
    assert read.pilots == 0


def test_what_cannot_be_read_is_said_all_at_once() -> None:
    assert _read(nodes="9" * 5000)[1] != []
    _, found = _read(nodes="two", jobs="-1", cpus="1.5", memory="64XB", gpus="a:b:", gpu_type="c",
                     lifetime="soon", idle_time="10:00")  # fmt: skip
    fields = {each.partition(":")[0] for each in found}
    assert fields == {"--nodes", "--jobs", "--cpus", "--memory", "--gpus", "--gpu-type",
                      "--lifetime", "--idle-time"}  # fmt: skip


@given(st.builds(AskWords, *[words] * 9, st.lists(words, max_size=3)))
def test_no_words_make_the_reading_raise(said: AskWords) -> None:
    found = Problems()
    read_ask(said, found)
    assert all(each.path.startswith("--") for each in found.found)


def test_a_queue_completes_an_ask_with_what_it_gives_by_itself() -> None:
    for target, given_ask, gpus, memory in (
        ("gpu@expanse", BatchAsk(), 4, 375808),
        ("compute@expanse", BatchAsk(), None, 249000),
        ("GPU@bridges2", BatchAsk(gpu_type="v100-16"), 8, None),
        ("regular@perlmutter", BatchAsk(gpus=4), 4, None),
        ("regular@perlmutter", BatchAsk(), None, None),
        ("GPU@bridges2", BatchAsk(), None, None),
        ("cpu@delta", BatchAsk(memory=9), None, 9),
    ):
        _, queue = catalogue.parse_target(target, KNOWN)
        whole = completed(given_ask, queue)
        assert (whole.gpus, whole.memory) == (gpus, memory), target

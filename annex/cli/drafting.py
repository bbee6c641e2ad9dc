"""From the options of `glidein slurm` and `glidein annex` to what is asked for. Starts nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from glidein import asking, catalogue, paths
from glidein.batchask import AskWords, BatchAsk, read_ask
from glidein.catalogue import Catalogue
from glidein.model import PilotSpec, RuntimeChoice
from slurm_templates.planning import Target

_IDLE = 1200


@dataclass(frozen=True, slots=True)
class Given:
    """The options as typed; empty means not given."""

    target: str
    pool: str
    nodes: str
    jobs: str
    cpus: str
    memory: str
    gpus: str
    gpu_type: str
    lifetime: str
    idle_time: str
    project: str
    owners: Sequence[str]
    start: str
    grace: str
    name: str
    token_file: str
    runtime: str
    sha256: str
    sbatch: Sequence[str]
    requeue: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """What the options ask for, as far as they can be read; without a target it is None."""

    ask: BatchAsk
    spec: PilotSpec
    target: Target | None
    runtime: RuntimeChoice | None


def draft(given: Given, problems: asking.Problems, known: Catalogue, *, here: bool) -> Draft:
    """Read the options; what is wrong goes to `problems`.

    `here` says that the runtime named lies on this machine; else its path may be another's.
    """
    ask = replace(read_ask(_ask_words(given), problems), requeue=given.requeue)
    idle = given.idle_time or str(min(_IDLE, ask.lifetime))
    spec = asking.spec(_spec_words(given, ask.lifetime, idle), problems)
    target = problems.take(lambda: Target(*catalogue.parse_target(given.target, known)), None)
    return Draft(ask, spec, target, _runtime(given, problems, here=here))


def _ask_words(given: Given) -> AskWords:
    return AskWords(
        nodes=given.nodes,
        jobs=given.jobs,
        cpus=given.cpus,
        memory=given.memory,
        gpus=given.gpus,
        gpu_type=given.gpu_type,
        lifetime=given.lifetime,
        idle_time=given.idle_time,
        project=given.project,
        options=given.sbatch,
    )


def _spec_words(given: Given, lifetime: int, idle: str = "") -> asking.Words:
    """Return the words about the pilots; their size is what is granted, so it is not named."""
    return asking.Words(
        pool=given.pool,
        owners=given.owners,
        start=given.start,
        lifetime=str(max(lifetime, asking.LEAST_LIFE)),
        idle_time=idle,
        grace=given.grace,
        name=given.name,
        runtime=given.runtime,
        sha256=given.sha256,
    )


def _runtime(given: Given, problems: asking.Problems, *, here: bool) -> RuntimeChoice | None:
    """Return the HTCondor that was named. What is rendered may be for another machine's files."""
    words = _spec_words(given, asking.LEAST_LIFE)
    if here or not given.runtime or "://" in given.runtime:
        return asking.runtime(words, problems)
    asking.runtime(replace(words, runtime="http://elsewhere/"), problems)  # judges the checksum
    path = problems.take(lambda: paths.given(given.runtime, "--runtime"), Path("/"))
    return RuntimeChoice(str(path), given.sha256.lower())

"""One typical ask of every Slurm queue of the catalogue, in the words a user types.

Under SYSTEM/QUEUE[-VARIANT], the name of its golden file, stand the options of `glidein slurm
render QUEUE@SYSTEM`. None asks for more nodes than the Slurm bed's system of that name has.
"""

import shlex
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files

from glidein import asking, catalogue, validation
from glidein.batchask import AskWords, BatchAsk, read_ask
from glidein.catalogue import Dialect, Variant
from glidein.model import PilotSpec, PoolAddress, Request, RuntimeChoice
from slurm_templates import batch, planning
from slurm_templates.planning import Target

SHIPPED = catalogue.merge(catalogue.shipped())
PAYLOAD = files("glidein").joinpath("payload/pilot.sh").read_text(encoding="utf-8")

ASKS = {
    "generic/default": "--nodes 2 --cpus 4 --memory 8GB",
    "generic/default-seed": "--nodes 10 --cpus 48 --lifetime 24h",
    "generic/default-gpus": "--nodes 2 --cpus 8 --memory 16GB --gpus a100:2",
    "generic/default-array": "--jobs 20 --cpus 16 --memory 32GB --lifetime 8h",
    "generic/default-options": "--cpus 1 --requeue --sbatch constraint=cpu --sbatch"
    " mail-type=END,FAIL --sbatch comment=night-run --sbatch exclusive",
    "generic/short": "--nodes 2 --cpus 8 --lifetime 20m",
    "delta/cpu": "--nodes 2 --cpus 64 --memory 128GB --project proj1-delta-cpu",
    "delta/cpu-interactive": "--cpus 8 --lifetime 30m --project proj1-delta-cpu",
    "delta/gpuA100x4": "--nodes 2 --cpus 64 --gpus 4 --lifetime 48h --project proj1-delta-gpu",
    "delta/gpuA100x4-preempt": "--cpus 16 --gpus 1 --requeue --project proj1-delta-gpu",
    "delta/gpuA100x8": "--cpus 128 --memory 1TB --gpus 8 --project proj1-delta-gpu",
    "delta/gpuA40x4": "--jobs 4 --memory 60GB --gpus 1 --project proj1-delta-gpu",
    "delta/gpuA40x4-preempt": "--cpus 32 --gpus 2 --project proj1-delta-gpu"
    " --sbatch constraint=a40|a100",
    "delta/gpuMI100x8": "--cpus 16 --gpus 2 --project proj1-delta-gpu",
    "stampede2/normal": "--nodes 4 --lifetime 24h",
    "stampede2/development": "--lifetime 2h",
    "stampede2/skx-normal": "--nodes 2",
    "expanse/compute": "--nodes 4 --lifetime 24h --project proj1",
    "expanse/compute-array": "--jobs 8 --project proj1",
    "expanse/gpu": "--nodes 2 --project proj1",
    "expanse/shared": "--cpus 16 --memory 32GB --project proj1",
    "expanse/gpu-shared": "--cpus 10 --gpus 2 --project proj1",
    "anvil/wholenode": "--nodes 4 --lifetime 96h",
    "anvil/wide": "--nodes 7 --lifetime 12h",
    "anvil/shared": "--cpus 32",
    "anvil/gpu": "--nodes 3 --cpus 128 --gpus 4",
    "anvil/gpu-debug": "--cpus 32 --gpus 2 --lifetime 30m",
    "bridges2/RM": "--nodes 2 --lifetime 48h",
    "bridges2/RM-512": "",
    "bridges2/RM-shared": "--cpus 64",
    "bridges2/EM": "--cpus 48 --lifetime 120h",
    "bridges2/GPU-v100-32x16": "--gpus v100-32:16",
    "bridges2/GPU-v100-32": "--nodes 2 --gpus v100-32:8",
    "bridges2/GPU-v100-16": "--nodes 2 --gpu-type v100-16",
    "bridges2/GPU-h100-80": "--gpus h100-80:8",
    "bridges2/GPU-l40s-48": "--gpus l40s-48:8",
    "bridges2/GPU-shared-v100-32": "--gpus v100-32:4",
    "bridges2/GPU-shared-v100-16": "--gpus v100-16:1",
    "bridges2/GPU-shared-h100-80": "--gpus h100-80:2",
    "bridges2/GPU-shared-l40s-48": "--jobs 3 --gpus l40s-48:1",
    "perlmutter/regular-cpu": "--nodes 4 --lifetime 12h --project m1234",
    "perlmutter/regular-gpu": "--nodes 2 --gpus 4 --project m1234",
    "perlmutter/debug-cpu": "--nodes 2 --lifetime 30m --project m1234",
    "perlmutter/debug-gpu": "--gpus 4 --lifetime 30m --project m1234",
    "perlmutter/shared": "--cpus 8 --memory 16GB --project m1234",
    "spark/shared": "--nodes 2 --cpus 64",
    "spark/int": "--cpus 16 --memory 64GB --lifetime 4h",
    "spark/pre": "--cpus 32 --requeue",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One ask and its batch script's parts; `name` is SYSTEM/QUEUE[-VARIANT]."""

    name: str
    ask: BatchAsk
    target: Target
    variant: Variant | None
    text: str


def asked(name: str) -> Asked:
    """Return what stands under that name, known to be right."""
    target, variant = _place(name)
    problems = asking.Problems()
    words, requeue = _words(ASKS[name])
    ask = read_ask(words, problems)
    ask = replace(ask, requeue=requeue)
    problems.found += validation.validate(ask, target.system, target.queue)
    problems.settle()
    return Asked(name, ask, target, variant, render(ask, target))


def _words(text: str) -> tuple[AskWords, bool]:
    """Return the options as words of an ask, and whether a requeue is wanted."""
    given = shlex.split(text.replace("--requeue", ""))
    pairs = [*zip(given[::2], given[1::2], strict=True)]
    said = {key[2:].replace("-", "_"): value for key, value in pairs if key != "--sbatch"}
    options = [value for key, value in pairs if key == "--sbatch"]
    return AskWords(**said, options=options), "--requeue" in text


def render(ask: BatchAsk, target: Target, payload: str = PAYLOAD) -> str:
    """Return the batch script for an ask, its pilots of one and the same spec."""
    spec = PilotSpec(PoolAddress("cm.example.org"), ("alice",), lifetime=ask.lifetime,
                     idle_time=ask.idle_time or 1200)  # fmt: skip
    created = datetime(2026, 11, 23, tzinfo=UTC)
    runtime = RuntimeChoice("${HOME}/condor.tar.gz", "0" * 64)
    request = Request("g20261123-000000-0000000000", "batch:local", spec, created, ask.pilots,
                      runtime)  # fmt: skip
    script = planning.script(request, ask, target, token="${HOME}/token", payload=payload)
    return batch.render(script)


def _place(name: str) -> tuple[Target, Variant | None]:
    """Find the queue of that name, the longest that fits, and its variant."""
    system = SHIPPED.systems[name.partition("/")[0]]
    rest = name.partition("/")[2]
    listed = [each for each in system.queues if f"{rest}-".startswith(f"{each.name}-")]
    queue = max(listed, key=lambda each: len(each.name), default=None)
    if queue is None:
        return Target(*catalogue.parse_target(f"{rest}@{system.name}", SHIPPED)), None
    kind = rest.removeprefix(queue.name).removeprefix("-")
    return Target(system, queue), next(
        (each for each in queue.variants if each.name.replace(" ", "") == kind), None
    )


def wanted() -> set[tuple[str, str, str]]:
    """Return system, queue and variant of all that must have a golden file."""
    return {
        (system.name, queue.name, variant)
        for system in SHIPPED.systems.values()
        if system.dialect is Dialect.SLURM
        for queue in system.queues
        for variant in [each.name for each in queue.variants] or [""]
    }

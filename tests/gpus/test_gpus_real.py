"""GPUs on a real pilot. No machine of the tests has one: a stand-in takes discovery's place.

The stand-in is the runtime's own condor_gpu_discovery, told to simulate two devices; so what it
prints, and what it makes of CUDA_VISIBLE_DEVICES, is what the real one does.
"""

import json
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from glidein import process, runtime
from glidein.runtime import Runtime, manifest
from tests.payload.conftest import Pilot

pytestmark = [pytest.mark.real, pytest.mark.root]

MakePilot = Callable[..., Pilot]
ROOT = Path(__file__).parent.parent.parent
SHOWS = (
    "executable=/bin/bash\narguments=\"-c 'echo $CUDA_VISIBLE_DEVICES $_CONDOR_AssignedGPUs'\"\n"
)


@pytest.fixture(scope="module")
def two_gpus(condor: Runtime, open_place: Path) -> Runtime:
    """A runtime whose discovery finds two devices that are not there."""
    root = runtime.copy(condor, open_place / "two-gpus")
    copied = replace(condor, root=root)
    program = copied.program("condor_gpu_discovery")
    real = program.with_name("real_gpu_discovery")
    shutil.move(program, real)
    program.write_text(f'#!/bin/sh\nexec "{real}" -simulate:2,2 "$@"\n')
    program.chmod(0o755)
    manifest.write(root)  # the pilot checks its runtime: this one is meant to be so
    return copied


def with_gpus(pilot: Pilot, two_gpus: Runtime, **conf: object) -> Pilot:
    pilot.condor = two_gpus
    return pilot.begin(**{"GPUS": "", "IDLE": 20, **conf}).until("STATE joined")


def slot(pilot: Pilot, attribute: str) -> str:
    request = "gtest-" + pilot.place.name.lower().replace("_", "-")
    where = f'GlideinRequest == "{request}" && PartitionableSlot'
    said = pilot.pool.tool("condor_status", "-constraint", where, "-af", attribute)
    return said.stdout.strip()


def test_a_job_gets_one_of_two_and_one_that_wants_three_waits(
    pilot: Pilot, two_gpus: Runtime
) -> None:
    out = pilot.place / "out"
    three = pilot.submit(f"{SHOWS}request_gpus=3")
    one = pilot.submit(f"{SHOWS}request_gpus=1\noutput={out}")
    with_gpus(pilot, two_gpus).until(pilot.done(one))
    assert "CHECK PASS gpus: GPU-" in pilot.text
    assert slot(pilot, "TotalSlotGPUs") == "2"
    visible, assigned = out.read_text().split()
    assert visible == assigned
    assert assigned.startswith("GPU-")
    assert pilot.job(three, "JobStatus") == "1"


def test_only_the_devices_that_were_given_are_offered(pilot: Pilot, two_gpus: Runtime) -> None:
    pilot.env["CUDA_VISIBLE_DEVICES"] = "0"
    with_gpus(pilot, two_gpus)
    assert slot(pilot, "TotalSlotGPUs") == "1"


def test_none_are_offered_when_none_are_wanted(pilot: Pilot, two_gpus: Runtime) -> None:
    job = pilot.submit(f"{SHOWS}request_gpus=1")
    with_gpus(pilot, two_gpus, GPUS=0, IDLE=8)
    assert slot(pilot, "TotalSlotGPUs") in ("0", "undefined")
    pilot.ended()
    assert pilot.job(job, "JobStatus") == "1"


def test_the_bench_needs_nothing_but_python_and_a_carried_runtime(
    two_gpus: Runtime, tmp_path: Path
) -> None:
    """All but the computation: a stand-in for the job says what it was given."""
    carried, job, folder = tmp_path / "runtime.tar", tmp_path / "job.py", tmp_path / "repository"
    with tarfile.open(carried, "w") as tar:
        tar.add(two_gpus.root, arcname=two_gpus.id)
    job.write_text(
        "import json, os; print(json.dumps({'visible': os.environ['CUDA_VISIBLE_DEVICES']}))\n"
    )
    for name in ("bench", "glidein"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("out"))
    words = f"-S -m bench.bench_gpu_pilot {carried} --more 3 --job {job}"
    argv = ["/usr/bin/python3", *words.split()]
    said = process.run(argv, timeout=300, cwd=folder, check=False, env={"PATH": "/usr/bin:/bin"})
    assert said.ok, said.stdout + said.stderr
    seen = json.loads((folder / "bench/out/gpu_pilot.json").read_text())
    assert seen["computed"]["visible"].startswith("GPU-")
    assert (seen["wants_more_status"], seen["report"]["reason"]) == ("1", "idle")


def test_more_than_are_found_ends_at_once(pilot: Pilot, two_gpus: Runtime) -> None:
    pilot.condor = two_gpus
    said = pilot.begin(GPUS=3, IDLE=20).until("GLIDEIN-REPORT")
    assert "3 were asked for, 2 are found" in said.text
    assert '"reason":"resources"' in said.text

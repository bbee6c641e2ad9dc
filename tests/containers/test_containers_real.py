"""Jobs in containers, run by a real apptainer, on a real pilot of an ordinary user."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.beds import apptainer, registry
from tests.beds.apptainer import OS_RELEASE, Apptainer
from tests.beds.registry import Registry
from tests.payload.conftest import Pilot

pytestmark = [pytest.mark.real, pytest.mark.root]

SAYS = "executable=/bin/cat\narguments=/etc/os-release\n"


@pytest.fixture(scope="module")
def runtime_of_containers(open_place: Path) -> Apptainer:
    return apptainer.install(open_place / "containers")


@pytest.fixture(scope="module")
def root(open_place: Path) -> Path:
    return apptainer.tiny_root(open_place / "image-root")


@pytest.fixture(scope="module")
def sif(runtime_of_containers: Apptainer, root: Path, open_place: Path) -> Path:
    return runtime_of_containers.image(root, open_place / "busy.sif")


@pytest.fixture
def images(root: Path) -> Iterator[Registry]:
    with registry.serving(root) as serving:
        yield serving


def offered(pilot: Pilot) -> set[str]:
    """What the pilot's slots say of containers."""
    request = "gtest-" + pilot.place.name.lower().replace("_", "-")
    said = pilot.pool.tool(
        "condor_status", "-constraint", f'GlideinRequest == "{request}"',
        "-af", "GlideinContainers", "HasSingularity",
    )  # fmt: skip
    return set(said.stdout.splitlines())


def output_of(pilot: Pilot, text: str) -> tuple[str, str]:
    """Submit a job, wait until it is done, and return its output and its errors."""
    out, err = pilot.place / "out", pilot.place / "err"
    cluster = pilot.submit(f"{text}\noutput={out}\nerror={err}")
    pilot.until(lambda: pilot.job(cluster, "JobStatus") in ("4", "5"))
    assert pilot.job(cluster, "JobStatus") == "4", pilot.job(cluster, "HoldReason")
    return out.read_text(), err.read_text()


def test_an_image_that_is_transferred_is_what_the_job_runs_in(
    pilot: Pilot, runtime_of_containers: Apptainer, sif: Path
) -> None:
    shutil.copy(sif, pilot.place / "x.sif")
    pilot.env["PATH"] = f"{runtime_of_containers.program.parent}:/usr/bin:/bin"
    pilot.begin(IDLE=30).until("STATE joined").until("CHECK PASS containers: apptainer ran")
    said, errors = output_of(pilot, f"{SAYS}container_image=x.sif\ntransfer_input_files=x.sif")
    assert (said, "CHECK PASS token-hidden" in pilot.text) == (OS_RELEASE, True), errors
    pilot.until(lambda: offered(pilot) == {"apptainer true"})


def test_an_image_of_a_registry_is_what_the_job_runs_in(
    pilot: Pilot, runtime_of_containers: Apptainer, images: Registry
) -> None:
    pilot.env["APPTAINER_NOHTTPS"] = "1"
    pilot.begin(IDLE=30, CONTAINERS=runtime_of_containers.program)
    pilot.until("STATE joined").until("CHECK PASS containers: apptainer ran")
    said, errors = output_of(pilot, f"{SAYS}container_image={images.name}")
    assert said == OS_RELEASE, errors
    assert any("/blobs/" in path for path in images.asked)


def test_what_a_system_sets_up_first_comes_before_each_container(
    pilot: Pilot, runtime_of_containers: Apptainer, sif: Path
) -> None:
    shutil.copy(sif, pilot.place / "x.sif")
    setup = f"echo module loaded\nPATH={runtime_of_containers.program.parent}:$PATH"
    pilot.begin(IDLE=30, CONTAINERS="apptainer", CONTAINER_SETUP=setup).until("STATE joined")
    pilot.until("CHECK PASS containers: apptainer ran")
    said, errors = output_of(pilot, f"{SAYS}container_image=x.sif\ntransfer_input_files=x.sif")
    assert said == OS_RELEASE, errors


def test_without_a_runtime_of_containers_none_is_offered(pilot: Pilot) -> None:
    pilot.begin(IDLE=30, CONTAINERS="/nonexistent/apptainer").until("STATE joined")
    pilot.until("CHECK WARN containers: /nonexistent/apptainer does not run here")
    pilot.until(lambda: offered(pilot) == {" false"} or offered(pilot) == {" undefined"})

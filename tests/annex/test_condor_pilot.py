"""The payload that ships, as a batch job of one HTCondor pool, joins another one."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from glidein import runtime
from glidein.model import PilotState, PoolAddress, RuntimeChoice
from glidein.throwaway import ThrowawayPool
from tests.beds import pools
from tests.beds.condorsite import CondorSite
from tests.beds.jobs import desk_of
from tests.beds.pilots import wait_until
from tests.contract.condor import CondorPlace

pytestmark = [pytest.mark.real, pytest.mark.root]


class RealCondorPlace(CondorPlace):
    """An HTCondor site whose batch jobs are real pilots of another pool."""

    payload = ""


@pytest.fixture(scope="module")
def tarball(condor: runtime.Runtime) -> Iterator[RuntimeChoice]:
    with pools.open_folder("glr-") as folder:
        file = folder / "condor.tar.gz"
        digest = runtime.pack(condor, file)
        file.chmod(0o644)
        yield RuntimeChoice(str(file), digest)


def test_a_pilot_in_an_outer_batch_job_runs_jobs_of_its_own_pool(
    tmp_path: Path,
    condor_site: CondorSite,
    pool: ThrowawayPool,
    users: dict[str, int],
    tarball: RuntimeChoice,
) -> None:
    place = RealCondorPlace(tmp_path, condor_site)
    place.pool, place.runtime = PoolAddress("127.0.0.1", pool.port), tarball
    place.token.write_text(pool.token("gltest2") + "\n")
    spec = dataclasses.replace(place.spec(("gltest2",)), idle_time=120)
    request = place.request(spec=spec)
    try:
        place.provider.launch(request, place.token)
        wait_until(lambda: _state(place, request.id) is PilotState.IDLE, 60, "the pilot joined")
        with desk_of(pool, users) as desk:
            script = "#!/bin/bash\necho $BATCH_SYSTEM $_CONDOR_SLOT $CONDOR_CONFIG\nenv"
            wanted = f'requirements = TARGET.GlideinRequest == "{request.id}"'
            said = desk.submit("gltest2", script, wanted).wait_done().output
        assert said.startswith("HTCondor slot1_1")
        assert str(condor_site.pool.folder / "condor_config") not in said
        place.provider.cancel(request.id)
        assert place.leftovers(request.id) == []
        seen = place.provider.list().find(request.id)
        assert seen is not None
        assert [each.state for each in seen.pilots] == [PilotState.ENDED]
        assert seen.pilots[0].report is not None
        assert seen.pilots[0].report["jobs_run"] == 1
        assert not list((condor_site.pool.folder / "execute").glob("dir_*"))
    finally:
        print(place.provider.logs(request.id).get(0, ""))
        place.close()


def _state(place: CondorPlace, request_id: str) -> PilotState | None:
    seen = place.provider.list().find(request_id)
    return seen.pilots[0].state if seen and seen.pilots else None

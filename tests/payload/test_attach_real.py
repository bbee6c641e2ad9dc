"""Direct attach: a pilot offers itself to a schedd, in a pool whose collector has no negotiator."""

import tempfile
from pathlib import Path

import pytest

from glidein.runtime import Runtime
from glidein.throwaway import PoolOptions
from tests.beds import pools
from tests.payload.conftest import Pilot

pytestmark = [pytest.mark.real, pytest.mark.root]


def test_without_a_negotiator_a_job_runs_on_an_attached_pilot(
    condor: Runtime, users: dict[str, int], open_place: Path
) -> None:
    first = users["gltest1"]
    options = PoolOptions(user=first, extra={"DAEMON_LIST": "MASTER, COLLECTOR, SCHEDD"})
    with pools.pool_of(condor, options) as pool:
        schedd = pool.tool("condor_status", "-schedd", "-af", "Name").stdout.strip()
        pilot = Pilot(Path(tempfile.mkdtemp(dir=open_place)), pool, condor, first)
        # Offering a slot to a schedd is a WRITE there, beside what every pilot needs.
        pilot.token(None, "gltest1", "READ", "WRITE", "ADVERTISE_STARTD", "ADVERTISE_MASTER")
        cluster = pilot.submit("executable=/bin/true")
        pilot.begin(ATTACH_SCHEDD=schedd, ATTACH_POOL=pool.address, IDLE=8)
        pilot.until(pilot.done(cluster))
        assert pilot.ended()["reason"] == "idle"
        assert pilot.left() == []

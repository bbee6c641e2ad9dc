"""What docs/pool-administrators.md tells administrators to configure does what it says."""

import re
from pathlib import Path

import pytest

from glidein.runtime import Runtime
from glidein.throwaway import PoolOptions
from tests.beds import pools
from tests.docs import guides

pytestmark = [pytest.mark.real, pytest.mark.root]

GUIDE = "pool-administrators.md"
JOB = """\
executable = /bin/true
transfer_executable = False
should_transfer_files = YES
request_cpus = 1
{more}
queue
"""


def transform() -> str:
    """Return the job transform as the guide shows it."""
    text = "".join(block.text for block in guides.blocks("condor", GUIDE))
    found = re.search(r"^JOB_TRANSFORM_NAMES.*?^@end$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0] + "\n"


def test_named_jobs_are_bound_to_pilots_of_their_own_identity(
    condor: Runtime, users: dict[str, int], open_place: Path
) -> None:
    config = open_place / "transform.conf"
    config.write_text(transform())
    options = PoolOptions(user=users["gltest1"], extra={"LOCAL_CONFIG_FILE": str(config)})
    with pools.pool_of(condor, options) as pool:
        named = JOB.format(more='+TargetAnnexName = "mine"')
        pool.tool("condor_submit", "-", stdin=named)
        pool.tool("condor_submit", "-", stdin=JOB.format(more=""))
        said = pool.tool("condor_q", "-all", "-af:r", "Requirements").stdout.splitlines()
        assert 'TARGET.AuthenticatedIdentity == "gltest1@throwaway.pool"' in said[0]
        assert "AuthenticatedIdentity" not in said[1]

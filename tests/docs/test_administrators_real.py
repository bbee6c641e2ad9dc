"""What docs/pool-administrators.md tells administrators to configure does what it says."""

import re
from pathlib import Path

import pytest

from glidein import process
from glidein.runtime import Runtime
from glidein.throwaway import PoolOptions, ThrowawayPool
from tests.beds import pilots, pools, submitters
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


def everything_shown(pool: ThrowawayPool) -> str:
    """Return all of the guide's configuration, with the pool's own names in it."""
    text = "".join(block.text for block in guides.blocks("condor", GUIDE))
    text = text.replace("cm.example.org:9618", str(pool.address))
    return text.replace("example.org", pool.options.domain)


def test_a_pool_that_allows_what_the_guide_shows_takes_a_pilot_and_its_job(
    condor: Runtime, users: dict[str, int], open_place: Path
) -> None:
    config = open_place / "guide.conf"
    options = PoolOptions(user=users["gltest1"], extra={"LOCAL_CONFIG_FILE": str(config)})
    with pools.open_folder("glp-") as folder:
        pool = ThrowawayPool(condor, folder / "pool", options)
        config.write_text(everything_shown(pool))
        with pool, pilots.yard(condor.root, str(pool.address)) as yard:
            pool.tool("condor_submit", "-", stdin=JOB.format(more=""))
            pilot = yard.start(users["gltest1"], pool.token("gltest1"), {"IDLE": "3"})
            assert (pilot.wait(), pilot.reason) == (0, "idle")
            assert pilot.report["jobs_run"] == 1


def connections(pool: ThrowawayPool, yard: pilots.Yard) -> list[str]:
    """Return the programs of the yard's pilots that hold a connection to the collector's port."""
    argv = ["ss", "-Htnp", "state", "established", f"( dport = :{pool.port} )"]
    said = process.run(argv, timeout=20).stdout
    ours = process.all_of(yard.folder)
    found = re.findall(r'\(\("([^"]+)",pid=(\d+)', said)
    return sorted(name for name, pid in found if int(pid) in ours)


def test_a_pilot_keeps_as_many_connections_to_the_collector_as_the_guide_says(
    condor: Runtime, users: dict[str, int]
) -> None:
    options = PoolOptions(user=users["gltest1"])
    with (
        pools.pool_of(condor, options) as pool,
        pilots.yard(condor.root, str(pool.address)) as yard,
    ):
        pilot = yard.start(users["gltest1"], pool.token("gltest1"))
        pilot.wait_for("joined")
        three = ["condor_master", "condor_shared_p", "condor_startd"]
        pilots.wait_until(lambda: connections(pool, yard) == three, 20, "three connections")
        text = (guides.ROOT / "docs" / GUIDE).read_text()
        assert "three connections to the collector" in " ".join(text.split())


def test_a_stolen_pilot_token_cannot_submit_edit_or_remove_jobs(
    condor: Runtime, users: dict[str, int], open_place: Path
) -> None:
    with pools.pool_of(condor, PoolOptions(user=users["gltest1"])) as pool:
        job = submitters.submit(pool, "gltest1", JOB.format(more=""), open_place)
        scopes = ("READ", "ADVERTISE_STARTD", "ADVERTISE_MASTER")
        stolen = submitters.token_of(pool, "gltest1", open_place, *scopes).parent
        env = pool.env | {"_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS": "IDTOKENS"}
        env |= {"_CONDOR_SEC_TOKEN_DIRECTORY": str(stolen)}
        for words in (["submit", "-"], ["qedit", job, "JobPrio", "9"], ["rm", job]):
            program = pool.runtime.program(f"condor_{words[0]}")
            said = process.run(
                [program, *words[1:]], timeout=60, env=env, stdin=JOB.format(more=""), check=False
            )
            assert not said.ok, f"{words}: {said.stdout}{said.stderr}"
        left = pool.tool("condor_q", "-all", "-af", "JobStatus", "JobPrio").stdout
        assert left.split() == ["1", "0"]

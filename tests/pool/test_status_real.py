"""status in a pool that others bring pilots into as well."""

import json
import sys
from pathlib import Path

import pytest

from glidein import process
from glidein.runtime import Runtime
from glidein.throwaway import ThrowawayPool
from tests.beds import pilots, submitters

pytestmark = [pytest.mark.real, pytest.mark.root]
GLIDEIN = Path(sys.executable).parent / "glidein"


def test_only_ours_are_shown_and_the_others_are_counted(
    shared: ThrowawayPool, condor: Runtime, papers: Path, tmp_path: Path
) -> None:
    token = submitters.token_of(shared, "ours", papers, "READ")

    def status(*options: str) -> str:
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
        where = ["--pool", str(shared.address), "--token-file", str(token)]
        return process.run([GLIDEIN, "status", *where, *options], timeout=60, env=env).stdout

    def shown(*options: str) -> set[str]:
        found = json.loads(status("--json", *options))["requests"]
        return {each["id"] for each in found if each["id"] in ("gours", "gtheirs")}

    with pilots.yard(condor.root, str(shared.address)) as yard:
        for owner in ("ours", "theirs"):
            conf = {"OWNERS": owner, "REQUEST_ID": f"g{owner}", "CPUS": "1", "MEMORY_MB": "256"}
            yard.start(65534, shared.token(owner), conf).wait_for("joined")
        assert shown() == {"gours"}
        assert shown("--all") == {"gours", "gtheirs"}
        said = status()
    assert "gtheirs" not in said
    assert "of others" in said
    assert "glidein status --all" in said

"""Small runtimes for tests of the cache: real programs, which are shell scripts."""

from collections.abc import Mapping
from pathlib import Path

from glidein.runtime import Runtime, cache

MASTER = "#!/bin/sh\necho '$CondorVersion: 1.2.3 2026-01-01 $'\necho '$CondorPlatform: SH $'\n"
PROGRAMS = {
    "sbin/condor_master": MASTER,
    "sbin/condor_startd": "#!/bin/sh\n",
    "sbin/condor_starter": "#!/bin/sh\n",
    "sbin/condor_procd": "#!/bin/sh\n",
    "bin/condor_config_val": "#!/bin/sh\n",
}


def lay(root: Path, files: Mapping[str, str] = PROGRAMS) -> Path:
    """Write programs under `root` and return it."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    return root


def stored(folder: Path, version: str = "1.2.3", more: str = "") -> Runtime:
    """Store a small runtime in the cache `folder`; `more` makes its content another."""
    with cache.building(folder) as place:
        tree = lay(place / "tree", {**PROGRAMS, "bin/condor_q": f"#!/bin/sh\n# {more}\n"})
        about = {"VERSION": version, "SOURCE": "it's a test", "PLATFORM": "SH"}
        return cache.store(tree, folder, about)

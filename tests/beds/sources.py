"""Sources of packages for suites that move: what this machine's own apt makes of their age."""

import re
from pathlib import Path

from glidein import process
from glidein.runtime import apt


def moving(folder: Path) -> Path:
    """Write the machine's Debian archive into `folder` as apt's sources; return the folder.

    Where the machine's own configuration says that an index may be of any age (a copy of the
    archive that stands still), the entry says so too; nowhere else. Signatures are checked always.
    """
    known = apt.archive()
    dump = process.run(["apt-config", "dump"], timeout=20, env={"PATH": apt.PATH}).stdout
    still = re.search(r'^Acquire::Check-Valid-Until "(false|no|0)";', dump, re.MULTILINE)
    options = "check-valid-until=no" if still or known.any_age else ""
    options += f" signed-by={known.keys}" if known.keys else ""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(f"deb [{options} ] {known.uri} sid main\n")
    return folder

"""What a tree says of itself without being run: HTCondor's version and platform.

HTCondor's library holds both as text, `$CondorVersion: 23.9.6 ... $`, and no program need run to
read them: a runtime may be got on a machine that it does not run on.
"""

import re
from pathlib import Path

from glidein.errors import RuntimeUnavailable
from glidein.runtime import cache

_VERSION = re.compile(rb"\$CondorVersion: (\d+\.\d+\.\d+)[ -~]* \$")
_PLATFORM = re.compile(rb"\$CondorPlatform: ([!-~]+) \$")
_NAMED = re.compile(r"-(\d+\.\d+\.\d+)(?:-|$)")


def of(tree: Path) -> dict[str, str]:
    """Return VERSION and PLATFORM of a tree: of its library, of its `about`, of its name.

    Raises RuntimeUnavailable if nothing tells the version.
    """
    image = b"".join(path.read_bytes() for path in sorted(tree.rglob("libcondor_utils_*.so"))[:1])
    version, platform = _VERSION.search(image), _PLATFORM.search(image)
    about = cache.read_about(tree)
    named = _NAMED.search(tree.name)
    told = version[1].decode() if version else about.get("VERSION") or (named and named[1])
    if not told:
        raise RuntimeUnavailable("nothing in it tells which version of HTCondor it is")
    where = platform[1].decode() if platform else about.get("PLATFORM", "unknown")
    return {"VERSION": told, "PLATFORM": where}

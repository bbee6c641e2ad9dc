"""The runtime that batch jobs use: packed once, kept in the cache, found again by its SHA-256.

A whole batch job, however many nodes it has, reads one tarball.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from glidein import runtime
from glidein.model import RuntimeChoice
from glidein.runtime import cache, manifest


def packed(progress: Callable[[str], None]) -> RuntimeChoice:
    """Return a slim tarball of the HTCondor at hand, made if it is not in the cache yet.

    gzip, not xz: every node can unpack it. Raises RuntimeUnavailable.
    """
    chosen = runtime.get(progress=progress)
    folder = cache.default_folder().parent / "packed"
    tarball = folder / f"condor-{chosen.version}-{chosen.sha256[:16]}-slim.tar.gz"
    told = tarball.with_name(tarball.name + ".sha256")
    if tarball.exists() and told.exists():
        kept = told.read_text().strip()
        if manifest.file_sha256(tarball) == kept:
            return RuntimeChoice(str(tarball), kept)
    progress(f"packing HTCondor {chosen.version} for the nodes")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=".pack-", dir=folder) as draft:
        new = Path(draft, tarball.name)
        digest = runtime.pack(chosen, new)
        Path(draft, told.name).write_text(digest + "\n")
        new.rename(tarball)
        os.replace(Path(draft, told.name), told)  # noqa: PTH105 - beside the rename above
    return RuntimeChoice(str(tarball), digest)

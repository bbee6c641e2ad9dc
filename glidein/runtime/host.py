"""The HTCondor that is installed on this machine, used where it lies."""

import shutil
from pathlib import Path

from glidein import process
from glidein.errors import RuntimeUnavailable
from glidein.runtime.cache import Runtime

_NEEDED = ("condor_startd", "condor_starter", "condor_procd", "condor_config_val")


def get(master: Path | None = None) -> Runtime:
    """Return the installed HTCondor, found by its condor_master; it is neither copied nor changed.

    Raises RuntimeUnavailable if there is none, or not all a pilot needs.
    """
    found = master or shutil.which(
        "condor_master", path="/usr/sbin:/usr/local/sbin:/opt/condor/sbin"
    )
    if found is None:
        raise RuntimeUnavailable("no HTCondor is installed here")
    root = Path(found).resolve().parent.parent
    try:
        said = process.run([found, "-version"], timeout=20, env={"CONDOR_CONFIG": "/dev/null"})
    except process.CommandError as error:
        raise RuntimeUnavailable(str(error)) from error
    words = said.stdout.split()
    version = words[1] if len(words) > 1 else "unknown"
    runtime = Runtime(f"host-{version}", version, f"host {root}", "host", root, "")
    for name in _NEEDED:
        runtime.program(name)
    return runtime

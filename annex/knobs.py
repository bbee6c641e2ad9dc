"""What HTCondor's own configuration says of annexes on this machine, where there is one."""

import re
import shutil
from collections.abc import Mapping

from glidein import process

# Read, and still of a meaning: the rest of today's knobs set how its own scripts work.
_WANTED = r"^(HPC_ANNEX_.*_(USER|HOST)_NAME|ANNEX_COLLECTOR|ANNEX_TOKEN_KEY_NAME|COLLECTOR_HOST)$"
_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*)")


def read() -> Mapping[str, str]:
    """Return the knobs by name in capitals; none where HTCondor is not configured here."""
    program = shutil.which("condor_config_val")
    if program is None:
        return {}
    try:
        said = process.run([program, "-dump", "-expand", _WANTED], timeout=20, check=False)
    except process.CommandError:
        return {}
    return parse(said.stdout)


def parse(said: str) -> Mapping[str, str]:
    """Read what condor_config_val -dump printed; knobs without a value are left out."""
    found = (_LINE.fullmatch(line.strip()) for line in said.splitlines())
    return {each[1].upper(): each[2] for each in found if each and each[2]}

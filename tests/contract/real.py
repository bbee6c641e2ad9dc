"""The host provider with the payload that ships, in a pool of real daemons.

HTCondor runs no job of root, and these tests run as root: a small script stands before the
payload, hands it what the provider prepared and becomes an ordinary user.
"""

import os
from importlib.resources import files
from pathlib import Path

from glidein.host import identity
from glidein.model import RuntimeChoice
from glidein.throwaway import ThrowawayPool
from tests.contract.places import HostPlace, _read

_BEFORE = """\
set -eu
conf=$2
place=${{conf%/*}}
id=${{place%/host/*}}
stage={stage}/${{id##*/}}/${{place##*/}}
mkdir -p "$stage"
cp {payload} "$stage/pilot.sh"
cp "$place/token" "$stage/token"
rm "$place/token"
sed "s#^TOKEN_FILE=.*#TOKEN_FILE='$stage/token'#; s#^CLAIM_DIR=.*#CLAIM_DIR='$stage/claims'#" \\
  "$conf" >"$stage/pilot.conf"
chown -R {user}:{user} {stage}
exec setpriv --reuid={user} --regid={user} --clear-groups \\
  bash "$stage/pilot.sh" --conf "$stage/pilot.conf"
"""


class RealHostPlace(HostPlace):
    """This machine, the shipped payload, a real pool."""

    def __init__(self, folder: Path, pool: ThrowawayPool, user: int) -> None:
        self.runtime = RuntimeChoice(str(pool.runtime.root))
        self.pool = pool.address
        self.stage = folder / "stage"
        self.stage.mkdir()
        self.payload = folder / "before.sh"
        shipped = files("glidein").joinpath("payload/pilot.sh")
        text = _BEFORE.format(stage=self.stage, payload=shipped, user=user)
        self.payload.write_text(text)
        super().__init__(folder)
        os.chown(self.work, user, user)
        self.secret = pool.token("gltest1")
        self.token.write_text(self.secret + "\n")

    def _pilots(self, request_id: str) -> list[int]:
        marks = [os.fsencode(f"{base}/{request_id}") for base in (self.stage, self.ledger.folder)]
        return [
            each.pid
            for each in identity.everybody()
            if any(mark in (shown := _read(each.pid, "cmdline")) for mark in marks)
            and b"/pilot.sh\0--conf" in shown
            and os.getsid(each.pid) == each.pid
        ]

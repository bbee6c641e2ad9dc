"""The host provider with the payload that ships, in a pool of real daemons."""

from pathlib import Path

from glidein.model import RuntimeChoice
from glidein.throwaway import ThrowawayPool
from tests.contract.places import HostPlace


class RealHostPlace(HostPlace):
    """This machine, the shipped payload, a real pool."""

    payload = None

    def __init__(self, folder: Path, pool: ThrowawayPool) -> None:
        self.runtime = RuntimeChoice(str(pool.runtime.root))
        self.pool = pool.address
        super().__init__(folder)
        self.secret = pool.token("gltest1")
        self.token.write_text(self.secret + "\n")

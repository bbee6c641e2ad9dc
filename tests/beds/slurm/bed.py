"""The Slurm bed: a cluster of ten nodes behind a firewall, its login node, and a pool outside."""

from tests.beds.slurm import slurmconf
from tests.beds.slurm.hosts import Hosts, wait_for
from tests.beds.slurm.roots import Root, native
from tests.beds.slurm.sites import site


class SlurmBed(Hosts):
    """A running bed; `site` names the system whose partitions it has."""

    def __init__(self, system: str = "generic", root: Root | None = None, accounting: bool = True):
        super().__init__(root or native(), accounting)
        self.site = site(system)
        self._first_job = 1

    def start(self) -> "SlurmBed":
        super().start()
        self.wait_idle()
        return self

    def prepare(self) -> None:
        self._write_conf()
        first = [
            "add cluster bed",
            "add account default cluster=bed",
            "add user alice,bob account=default",
        ]
        text = "".join(f"{line}\n" for line in first) + slurmconf.accounts(self.site)
        (self.folder / "slurm/accounts.first").write_text(text)

    def _write_conf(self) -> None:
        folder = self.folder
        settings = slurmconf.Settings(
            str(folder / "state"), str(folder / "logs"), self.accounting, self._first_job
        )
        (folder / "slurm/slurm.conf").write_text(slurmconf.slurm_conf(self.site, settings))
        (folder / "slurm/gres.conf").write_text(slurmconf.gres_conf(self.site))

    def wait_idle(self, timeout: float = 30) -> None:
        """Wait until all ten nodes are idle."""

        def idle() -> bool:
            said = self.on("login", "root", "sinfo", "-h", "-N", "-o", "%N %T", check=False).stdout
            return len({line.split()[0] for line in said.splitlines() if "idle" in line}) == 10

        wait_for(idle, timeout, "ten nodes are idle")

"""The Slurm bed: a cluster of ten nodes behind a firewall, its login node, and a pool outside."""

import shutil
from pathlib import Path
from typing import Self

from tests.beds.slurm import slurmconf
from tests.beds.slurm.hosts import NAMES, Hosts, wait_for
from tests.beds.slurm.moves import Moves
from tests.beds.slurm.roots import Root, native
from tests.beds.slurm.sites import site

COMPUTE = slurmconf.HOSTS
# States in which Slurm is done with a job.
OVER = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
        "PREEMPTED", "TIMEOUT"}  # fmt: skip


class SlurmBed(Moves, Hosts):
    """A running bed; `site` is the system whose partitions it has.

    Without accounting there is no slurmdbd: no accounts, no QOS, no sacct.
    """

    def __init__(self, system: str = "generic", root: Root | None = None, accounting: bool = True):
        super().__init__(root or native(), accounting)
        self.site = site(system)
        self._first_job = 1
        self._known = {system}

    def start(self) -> Self:
        """Bring everything up, wait for idle nodes, and prove that nobody comes in."""
        super().start()
        try:
            self.wait_idle()
            self.prove_closed()
        except BaseException:
            self.stop()
            raise
        return self

    def prepare(self) -> None:
        self._write_conf()
        first = ["add cluster bed", "add account default cluster=bed"]
        first += ["add user alice,bob account=default"]
        text = "".join(f"{line}\n" for line in first) + slurmconf.accounts(self.site)
        (self.folder / "slurm/accounts.first").write_text(text)

    def _write_conf(self) -> None:
        folder = self.folder
        settings = slurmconf.Settings(
            str(folder / "state"), str(folder / "logs"), self.accounting, self._first_job
        )
        (folder / "slurm/slurm.conf").write_text(slurmconf.slurm_conf(self.site, settings))
        (folder / "slurm/gres.conf").write_text(slurmconf.gres_conf(self.site))

    def configure(self, system: str) -> None:
        """Become another system. Every job is forgotten; numbers of jobs go on rising.

        Nodes without power get it back; the pool is left alone.
        """
        if self.accounting and system not in self._known:
            text = slurmconf.accounts(site(system))
            self.on("head", "root", "bash", self.folder / "bin/accounts.sh", stdin=text)
            self._known.add(system)
        self.power_off(*COMPUTE)
        self.stop_slurmctld(kill=True)
        self._first_job += 10_000
        self.site = site(system)
        self._write_conf()
        self.on("head", "root", "sh", "-c", f"rm -rf {self.folder}/state/slurmctld/*")
        self.start_slurmctld()
        self.power_on(*COMPUTE)
        self.wait_idle()

    def reset(self, system: str = "generic") -> None:
        """Undo every move, end every job of either kind, and be that system: a test may begin."""
        self.power_on(*NAMES)
        self.undo()
        if not self.on("login", "root", "scontrol", "ping", check=False).ok:
            self.start_slurmctld()
        self.on("login", "root", "bash", "-c", "scancel -u alice; scancel -u bob")
        if self.site != site(system):
            self.configure(system)
        self.wait_idle()
        self._reset_pool()
        for place in (*self.folder.glob("*home/*"), self.folder / "scratch"):
            for path in place.iterdir():
                if path.name != ".ssh":
                    _remove(path)

    def _reset_pool(self) -> None:
        """Remove every job, and the ads of pilots that were killed, which would catch others."""
        self.wait_pool()
        # Schedd and negotiator that meet for the first time at one moment wait for each other, 20 s
        # long. So the schedd goes first, while the negotiator has nothing to ask it.
        self.on("ap", "root", "condor_reschedule", check=False)
        for force in ((), ("-forcex",)):
            self.on("ap", "root", "condor_rm", *force, "-all", check=False)
        ad = self.folder / "state/forget"
        ad.write_text('MyType = "Query"\nTargetType = "Machine"\nRequirements = true\n')
        self.on("cm", "root", "condor_advertise", "INVALIDATE_STARTD_ADS", ad, check=False)

    def wait_pool(self, timeout: float = 40) -> None:
        """Wait until the central manager knows the access point's schedd."""

        def known() -> bool:
            said = self.on("cm", "root", "condor_status", "-any", "-af", "MyType", check=False)
            return {"Scheduler", "Negotiator"} <= set(said.stdout.split())

        wait_for(known, timeout, "schedd and negotiator are known to the collector")

    def prove_closed(self) -> None:
        """Fail unless every compute node reaches the pool, and nobody outside reaches a node."""
        self.on("cm", "root", "ip", "route", "replace", "10.77.0.0/24", "via", "10.78.0.30")
        knock = "".join(
            f"(exec 3<>/dev/tcp/{node}/6818) & " for node in ("c0", "c9", "login", "head")
        )
        said = self.on("cm", "root", "timeout", "10", "bash", "-c", f"{knock} wait", check=False)
        self.on("cm", "root", "ip", "route", "del", "10.77.0.0/24")
        if said.stderr.count("/6818: No route to host") != 4:
            raise AssertionError(f"a node can be reached from outside: {said}")
        for node in ("c0", "c9"):
            self.on(node, "alice", "timeout", "5", "bash", "-c", "exec 3<>/dev/tcp/cm/9618")

    def wait_idle(self, timeout: float = 30) -> None:
        """Wait until all ten nodes are idle."""

        def idle() -> bool:
            said = self.on("login", "root", "sinfo", "-h", "-N", "-o", "%N %T", check=False).stdout
            return len({line.split()[0] for line in said.splitlines() if " idle" in line}) == 10

        wait_for(idle, timeout, lambda: f"ten nodes are idle\n{self.queue()}")

    def queue(self) -> str:
        """Nodes and jobs as Slurm sees them: for a failure's message."""
        nodes = self.on("login", "root", "sinfo", check=False)
        jobs = self.on("login", "root", "squeue", check=False)
        return nodes.stdout + nodes.stderr + jobs.stdout

    def submit(self, user: str, *options: str | Path, script: str | None = None) -> int:
        """Submit a batch job as `user`, by options or by a script as well; return its number."""
        said = self.on("login", user, "sbatch", "--parsable", *options, stdin=script)
        return int(said.stdout.split(";")[0])

    def job(self, number: int) -> dict[str, str]:
        """What `scontrol show job` tells; empty for a job that Slurm does not know."""
        said = self.on("login", "root", "scontrol", "-o", "show", "job", str(number), check=False)
        pairs = (word.partition("=") for word in said.stdout.split())
        return {key: value for key, _, value in pairs if value} if said.ok else {}

    def state(self, number: int) -> str:
        """A job's state in Slurm's word; nothing for one that Slurm does not know."""
        return self.job(number).get("JobState", "")

    def wait_state(self, number: int, *states: str, timeout: float = 60) -> str:
        """Wait until a job is in one of these states; without states, until it is over."""
        wanted = set(states) or OVER
        known = lambda: f"{number} is {wanted}\n{self.job(number)}\n{self.queue()}"  # noqa: E731
        wait_for(lambda: self.state(number) in wanted, timeout, known)
        return self.state(number)

    def home(self, user: str, host: str = "login") -> Path:
        """A user's home as this machine sees it: the site's, or the one on cm and ap."""
        return self.folder / ("far-home" if host in ("cm", "ap") else "home") / user

    def token(self, owner: str, *authz: str, lifetime: int = 3600) -> str:
        """A token of the pool for `owner`; without `authz` one that a pilot needs, and no more."""
        scopes = authz or ("READ", "ADVERTISE_STARTD", "ADVERTISE_MASTER")
        words = [word for scope in scopes for word in ("-authz", scope)]
        who = ["-identity", f"{owner}@bed.pool", "-lifetime", str(lifetime)]
        return self.on("cm", "root", "condor_token_create", *who, *words).stdout.strip()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()

"""Jobs at the bed's access point that leave a trace of every start, wherever they run."""

from tests.beds.slurm import SlurmBed, wait_for

# A job says that it starts and that it ends in /scratch, which all hosts share: what the pool
# believes about it is one thing, how often it really ran another.
JOB = """\
executable = /bin/sh
arguments = "-c 'echo start $(Process) $(hostname -s) $(id -un) $(date +%s.%N) >>{trace};\
 sleep {seconds}; echo end $(Process) $(hostname -s) $(id -un) $(date +%s.%N) >>{trace}'"
transfer_executable = false
output = {name}.out.$(Process)
log = {name}.log
request_memory = 64M
request_disk = 1M
queue {count}
"""


class Work:
    """Jobs of one user, submitted together."""

    def __init__(self, bed: SlurmBed, owner: str, name: str, count: int, seconds: float) -> None:
        self.bed, self.owner, self.name, self.count = bed, owner, name, count
        self._trace = bed.folder / "scratch" / f"{owner}.{name}"
        self._trace.touch(mode=0o666)
        self._trace.chmod(0o666)
        text = JOB.format(trace=f"/scratch/{self._trace.name}", seconds=seconds, name=name,
                          count=count)  # fmt: skip
        said = bed.on("ap", owner, "condor_submit", "-terse", "-", stdin=_shielded(text))
        self.cluster = int(said.stdout.partition(".")[0])

    def happened(self, word: str) -> list[tuple[str, str, str, float]]:
        """Every start, or end, there was: the job's number, the node, whose pilot, and when."""
        lines = (line.split() for line in self._trace.read_text().splitlines())
        return [(job, node, whose, float(at)) for what, job, node, whose, at in lines
                if what == word]  # fmt: skip

    def starts(self) -> list[str]:
        """The jobs that started, as often as they did."""
        return sorted(each[0] for each in self.happened("start"))

    def wait_running(self, count: int, timeout: float = 60) -> None:
        """Wait until that many of them have started."""
        wait_for(lambda: len(self.starts()) >= count, timeout, lambda: f"{count} run: {self}")

    def wait_done(self, timeout: float = 60) -> None:
        """Wait until the access point has none of them any more."""
        wait_for(lambda: not self.queued(), timeout, lambda: f"jobs are done: {self}")

    def queued(self) -> list[str]:
        """Those the access point still has; one that cannot say so has them still."""
        ask = ["condor_q", "-all", str(self.cluster), "-af", "ProcId"]
        said = self.bed.on("ap", "root", *ask, check=False)
        return said.stdout.split() if said.ok else ["unknown"]

    def log(self) -> str:
        """The jobs' event log."""
        return (self.bed.home(self.owner, "ap") / f"{self.name}.log").read_text()

    def check_once(self) -> None:
        """Fail unless each of them ran once, to its end, and the pool thinks so too."""
        each = sorted(str(number) for number in range(self.count))
        assert self.starts() == each, self
        assert sorted(end[0] for end in self.happened("end")) == each, self
        log = self.log().splitlines()
        assert sum(line.startswith("001 (") for line in log) == self.count, self
        assert sum("Normal termination (return value 0)" in line for line in log) == self.count

    def __str__(self) -> str:
        """What is known of them, for a failure's message."""
        queue = self.bed.on("ap", "root", "condor_q", "-all", "-nobatch", check=False).stdout
        slots = self.bed.on("cm", "root", "condor_status", check=False).stdout
        return "\n".join([self._trace.read_text(), queue, slots, self.log()[-3000:]])


def _shielded(text: str) -> str:
    """Keep HTCondor from taking the shell's $(...) for its own."""
    for word in ("hostname -s", "id -un", "date +%s.%N"):
        text = text.replace(f"$({word})", f"$(DOLLAR)({word})")
    return text


def in_pool(bed: SlurmBed, request: str) -> list[str]:
    """The pilots of a request that the collector knows."""
    mark = f'GlideinRequest == "{request}" && SlotType == "Partitionable"'
    said = bed.on("cm", "root", "condor_status", "-const", mark, "-af", "Machine", check=False)
    return said.stdout.split()

"""HTCondor as a dialect of the batch provider: what is laid for a request, what answers mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from annex import condor, condor_advice
from annex.asked import asked
from annex.batchjob import BatchJob, newest
from annex.dialect import View
from annex.steps import File
from glidein.catalogue import Catalogue
from glidein.errors import ProviderError
from glidein.model import Finding, Offer, PilotSpec, Request, Resources
from slurm_templates import submit

_MOST_PILOTS = 100_000
_Jobs = tuple[BatchJob, ...]


@dataclass(frozen=True, slots=True)
class CondorDialect:
    """HTCondor's words. `catalogue` tells of its systems; `payload` is the pilot's text."""

    catalogue: Catalogue
    payload: str = ""
    name: str = "condor"

    def files(self, request: Request) -> Mapping[str, File]:
        """Return the submit description, the payload as it is, and each pilot's pilot.conf."""
        ask, target = asked(request, self.catalogue)
        payload = self.payload or _shipped()
        described = submit.submit(request, ask, target)
        confs = {
            f"pilot.{index}.conf": File(submit.conf(request, ask, target, index).encode())
            for index in range(described.pilots)
        }
        laid = {"pilot.sub": submit.render(described).encode(), "pilot.sh": payload.encode()}
        return confs | {name: File(text) for name, text in laid.items()}

    def read(self, answer: Mapping[str, str]) -> View:
        """Return the batch jobs of queue and history; where no history is kept, the queue's."""
        queued, why = _read(answer, "condor_q", condor.queue)
        ended: _Jobs = ()
        trouble = ""
        if "condor_history-status" in answer:
            ended, trouble = _read(answer, "condor_history", condor.history)
        return View(tuple(newest(queued, ended)), why or trouble)

    def offer(self, spec: PilotSpec, answer: Mapping[str, str]) -> Offer:
        """Say how many pilots of that size the machines of the pool could hold at most."""
        size = spec.resources
        machines = [each for line in answer.get("machines", "").split("\n") if (each := _row(line))]
        most, best = 0, Resources()
        for cores, memory, gpus in machines:
            cpus, mib = size.cpus or cores, size.memory_mb or memory
            fits = min(cores // max(cpus, 1), memory // max(mib, 1))
            if size.gpus:
                fits = min(fits, gpus // size.gpus)
            if fits > 0:
                most, best = most + fits, Resources(cpus, mib, None, size.gpus)
        if not most:
            said = "no machine there is that large" if machines else "no machine is up"
            return Offer(0, size, said)
        most = min(most, _MOST_PILOTS)
        return Offer(most, best, f"room for {most} pilots; when its turn comes, HTCondor says")

    def check(self, answer: Mapping[str, str], where: str) -> tuple[Finding, ...]:
        """Say in words what HTCondor and the home folder are like there."""
        return (_queue_found(answer, where), _history_found(answer), _home_found(answer))

    def refusal(self, said: str, what: str) -> ProviderError:
        """Return the error that HTCondor's words mean."""
        return condor_advice.refusal(said, what)


def _shipped() -> str:
    return files("glidein").joinpath("payload/pilot.sh").read_text(encoding="utf-8")


def _read(
    answer: Mapping[str, str], program: str, read: Callable[[str], tuple[_Jobs, int]]
) -> tuple[_Jobs, str]:
    if answer.get(f"{program}-status", "1").strip() != "0":
        said = " ".join(answer.get(f"{program}-complaint", "").split())[:200]
        return (), f"{program} did not answer: {said or 'it said nothing'}"
    try:
        jobs, odd = read(answer.get(program, ""))
    except (ValueError, RecursionError) as error:
        return (), f"{program}'s answer cannot be read: {error}"
    return jobs, f"{odd} batch jobs of {program} cannot be read" if odd else ""


def _row(line: str) -> tuple[int, int, int] | None:
    """Read a machine's cores, MiB and GPUs; None where its size is not told."""
    fields = line.split("\t")
    if len(fields) < 3 or not fields[0].isdecimal() or not fields[1].isdecimal():
        return None
    return int(fields[0]), int(fields[1]), int(fields[2]) if fields[2].isdecimal() else 0


def _queue_found(answer: Mapping[str, str], where: str) -> Finding:
    missing = [name[8:] for name, said in answer.items()
               if name.startswith("program ") and not said.strip()]  # fmt: skip
    if missing:
        return Finding("FAIL", "htcondor", f"{where} lacks {', '.join(missing)}",
                       "Log in where batch jobs are submitted")  # fmt: skip
    if answer.get("queue-status", "1").strip() != "0":
        said = " ".join(answer.get("queue", "").split())[:200]
        return Finding("FAIL", "htcondor", f"the queue does not answer: {said}",
                       "Repeat it in a while; see the site's news")  # fmt: skip
    version = answer.get("version", "").replace("$", "").strip()
    return Finding("PASS", "htcondor", f"{version} answers")


def _history_found(answer: Mapping[str, str]) -> Finding:
    if answer.get("history", "").strip().startswith("/"):
        return Finding("PASS", "history", "ended batch jobs are remembered")
    return Finding("WARN", "history", "this access point keeps none",
                   "Ended batch jobs are known by their logs alone")  # fmt: skip


def _home_found(answer: Mapping[str, str]) -> Finding:
    root = answer.get("root", "").strip()
    if answer.get("writable", "").strip() == "yes":
        return Finding("PASS", "home", f"{root} can be written to")
    return Finding("FAIL", "home", f"{root} cannot be written to",
                   "Make room in the home folder, or set XDG_STATE_HOME")  # fmt: skip

"""Slurm as a dialect of the batch provider: what is laid for a request, what its answers mean."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from annex import advice, slurm
from annex.asked import asked
from annex.batchjob import BatchJob, newest
from annex.dialect import View
from annex.steps import File
from glidein.catalogue import Catalogue
from glidein.errors import ProviderError
from glidein.model import Finding, Offer, PilotSpec, Request, Resources
from slurm_templates import batch, planning

_UNIT = re.compile(r"(\d+)")
_MOST_PILOTS = 100_000
_Read = Callable[[str], tuple[tuple[BatchJob, ...], int]]


@dataclass(frozen=True, slots=True)
class SlurmDialect:
    """Slurm's words. `catalogue` tells of its queues; `payload` is the pilot's text."""

    catalogue: Catalogue
    payload: str = ""
    name: str = "slurm"

    def files(self, request: Request) -> Mapping[str, File]:
        """Return the batch script, the very one that `glidein slurm render` prints."""
        return {"batch.sh": File(self.script(request).encode())}

    def script(self, request: Request) -> str:
        """Return the batch script of a request.

        Where its token lies on the cluster stands in its options; one in its place goes before.
        """
        ask, target = asked(request, self.catalogue)
        payload, token = self.payload or _shipped(), request.options.get("token", "")
        return batch.render(planning.script(request, ask, target, token=token, payload=payload))

    def read(self, answer: Mapping[str, str]) -> View:
        """Return the batch jobs of queue and accounting; without accounting the queue's alone.

        Slurm's programs may lie on a machine that belongs to no cluster: there is nothing then.
        """
        queued, why = _queue(answer)
        if "not establish a configuration source" in why and not answer.get("places", "").strip():
            return View(())
        accounted, trouble = _accounting(answer)
        return View(tuple(newest(queued, accounted)), why or trouble)

    def offer(self, spec: PilotSpec, answer: Mapping[str, str]) -> Offer:
        """Say how many pilots of that size the nodes that are up could hold at most."""
        size = spec.resources
        kinds = [each for line in answer.get("sinfo", "").split("\n") if (each := _kind(line))]
        most, best = 0, Resources()
        for nodes, cores, memory in kinds:
            fits = min(cores // (size.cpus or 1), memory // (size.memory_mb or 1))
            if fits and nodes > most:
                most = min(nodes, _MOST_PILOTS)
                best = Resources(size.cpus or cores, size.memory_mb or memory, None, size.gpus)
        if not most:
            return Offer(0, size, "no node there is that large" if kinds else "no node is up")
        return Offer(most, best, f"{most} nodes; when its turn comes, Slurm says")

    def check(self, answer: Mapping[str, str], where: str) -> tuple[Finding, ...]:
        """Say in words what Slurm and the home folder are like there."""
        return tuple(_findings(answer, where))

    def refusal(self, said: str, what: str) -> ProviderError:
        """Return the error that Slurm's words mean."""
        return advice.refusal(said, what)


def _shipped() -> str:
    return files("glidein").joinpath("payload/pilot.sh").read_text(encoding="utf-8")


def _queue(answer: Mapping[str, str]) -> tuple[tuple[BatchJob, ...], str]:
    forms: dict[str, _Read] = {"json": slurm.squeue_json, "text": slurm.squeue_text}
    return _read(answer, "squeue", forms)


def _accounting(answer: Mapping[str, str]) -> tuple[tuple[BatchJob, ...], str]:
    """Return what sacct told. A site without accounting is no partial view: it never has any."""
    forms: dict[str, _Read] = {"json": slurm.sacct_json, "text": slurm.sacct_text}
    said = answer.get("sacct-json", answer.get("sacct-text", "")) + answer.get("sacct-status", "")
    if "accounting storage is disabled" in said or "command not found" in said:
        return (), ""
    if "sacct-status" not in answer:  # there was nothing to ask about
        return (), ""
    return _read(answer, "sacct", forms)


def _read(
    answer: Mapping[str, str], program: str, forms: Mapping[str, _Read]
) -> tuple[tuple[BatchJob, ...], str]:
    for form, read in forms.items():
        said = answer.get(f"{program}-{form}")
        if said is None:
            continue
        status, _, complaints = answer.get(f"{program}-status", "1").partition("\n")
        if status.strip() != "0":
            return (), f"{program} did not answer: {_last_words(complaints or said)}"
        try:
            jobs, odd = read(said)
        except ValueError as error:
            return (), f"{program}'s answer cannot be read: {error}"
        return jobs, f"{odd} lines of {program} cannot be read" if odd else ""
    return (), f"{program} was not asked"


def _last_words(said: str) -> str:
    """Return the end of what a program complained of: the cause comes last."""
    lines = [" ".join(line.split())[:200] for line in said.splitlines() if line.strip()]
    return "; ".join(lines[-2:])


def _kind(line: str) -> tuple[int, int, int] | None:
    """Read one kind of node out of sinfo's line: how many, cores, MiB; None if it is not up."""
    fields = line.split("|")
    if len(fields) < 7 or fields[1] != "up":
        return None
    numbers = [int(found[1]) if (found := _UNIT.match(each)) else 0 for each in fields[3:6]]
    return numbers[0], numbers[1], numbers[2]


def _findings(answer: Mapping[str, str], where: str) -> list[Finding]:
    found = []
    missing = [name[8:] for name, said in answer.items()
               if name.startswith("program ") and not said.strip()]  # fmt: skip
    needed = [each for each in missing if each != "sacct"]
    if needed:
        found.append(Finding("FAIL", "slurm", f"{where} lacks {', '.join(needed)}",
                             "Log in where batch jobs are submitted"))  # fmt: skip
    elif "is UP" not in answer.get("ping", ""):
        said = " ".join(answer.get("ping", "").split())
        found.append(Finding("FAIL", "slurm", f"the controller does not answer: {said}",
                             "Repeat it in a while; see the site's news"))  # fmt: skip
    else:
        found.append(Finding("PASS", "slurm", f"{answer.get('version', '').strip()} answers"))
    found.append(_accounting_found(answer))
    root = answer.get("root", "").strip()
    if answer.get("writable", "").strip() == "yes":
        found.append(Finding("PASS", "home", f"{root} can be written to"))
    else:
        found.append(Finding("FAIL", "home", f"{root} cannot be written to",
                             "Make room in the home folder, or set XDG_STATE_HOME"))  # fmt: skip
    return found


def _accounting_found(answer: Mapping[str, str]) -> Finding:
    said = answer.get("accounting", "").strip()
    if "sacct" in said or "slurm" in said.lower():
        return Finding("WARN", "accounting", "there is none, or it does not answer",
                       "Ended batch jobs are known by their logs alone")  # fmt: skip
    return Finding("PASS", "accounting", "ended batch jobs are remembered")

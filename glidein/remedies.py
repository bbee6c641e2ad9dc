"""What to do about a clause that says no. Pure: the clause and both ads in, advice out.

Who must change what is not guessed from words: the clause is judged again with the pilot larger
or smaller, and with the job asking for more or less. What turns it into a yes is the advice.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from glidein import matching, quoting
from glidein.matching import Ad, Clause

JOB, PILOT = "job", "pilot"
_INNER = re.compile(r"\(?\s*MY\.(Glidein\w+)\s*(=\?=|is)\s*true\s*\)?", re.IGNORECASE)
_HUGE = 1 << 50
# Slot's attribute: what the job asks with, how a submit file says it, how a larger pilot is had.
_SIZES = {
    "Cpus": ("RequestCpus", "request_cpus", "--cpus"),
    "Memory": ("RequestMemory", "request_memory", "--memory"),
    "Disk": ("RequestDisk", "request_disk", "--work-dir on a disk with other room"),
    "GPUs": ("RequestGPUs", "request_gpus", "--gpus"),
}
_TIMES = {"AllowedJobDuration": "allowed_job_duration", "MaxWallTime": "+MaxWallTime",
          "AllowedExecuteDuration": "allowed_execute_duration"}  # fmt: skip
# What a job is and stays, whoever edits it.
_FIXED = frozenset(("owner", "user", "clusterid", "procid", "jobuniverse", "qdate", "globaljobid",
                    "accountinggroup", "acctgroupuser"))  # fmt: skip
_CONTAINERS = re.compile(r"singularity|apptainer|hascontainer|hassif", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A clause that says no: whose it is ("job" or "pilot"), and which layer of START holds it."""

    side: str
    clause: Clause
    layer: str = ""

    def __str__(self) -> str:
        whose = "the job" if self.side == JOB else "START of the pilot"
        return f"{whose} says no: {self.clause}"


def refusals(job: Ad, slot: Ad) -> list[Refusal]:
    """Return the clauses that say no, those of START opened down to the layer that fails."""
    found: list[Refusal] = []
    for side, clause in matching.refusals(job, slot):
        inner = _INNER.fullmatch(clause.text)
        layer = inner[1] if inner else ""
        deeper = matching.clauses(slot.text(layer), slot, job) if layer else ()
        failing = [each for each in deeper if not each.holds]
        found += [Refusal(side, each, layer) for each in failing or [clause]]
    return found


def remedy_for(refusal: Refusal, job: Ad, slot: Ad) -> str:
    """Return what to do, and who must do it, so that the clause says yes."""
    told = _of_layer(refusal, job, slot) or _of_requirements(refusal, job, slot)
    if told:
        return told
    if _is_no_condition(refusal):
        whose = "the job's requirements" if refusal.side == JOB else _start_of(refusal)
        return f"Mend {whose}: this comes to no truth value"
    asked = list(_by_request(refusal, job, slot))
    ways = list(dict.fromkeys([*_by_size(refusal, job, slot), *asked]))
    ways = ways or list(_by_attribute(refusal, job))
    if refusal.side == PILOT and not _limits(refusal):
        ways.append(f"start a pilot with another {_start_of(refusal)}")
    elif refusal.side == JOB and not asked:
        ways.append("change the job's requirements")
    text = ", or ".join(ways or ["start a pilot on a machine that satisfies it"])
    return text[0].upper() + text[1:]


def _is_no_condition(refusal: Refusal) -> bool:
    """Whether the clause could not say yes to anything, as far as its names are known."""
    if refusal.layer and _INNER.fullmatch(refusal.clause.text):
        return True
    known = "undefined" not in refusal.clause.values.values()
    return known and refusal.clause.verdict not in ("true", "false", "undefined")


def _of_layer(refusal: Refusal, job: Ad, slot: Ad) -> str:
    """Return the advice for what pilots' START is made of, beside the user's own expression."""
    text = refusal.clause.text.lower()
    if "catalog" in text:
        return "The pilot's HTCondor is newer than the pool's: take a runtime of its version"
    if refusal.side != PILOT:
        return ""
    if refusal.layer == "GlideinStartOwners":
        owner = job.string("Owner")
        return f"Start a pilot for {owner}: --owners {quoting.sh(owner)}"
    if refusal.layer == "GlideinStartLife":
        return _of_life(refusal, job, slot)
    if "glideindraining" in text:
        return "It is leaving: start another pilot: glidein run"
    if "targetannexname" in text and not refusal.layer:
        return _of_name(job, slot)
    return ""


def _of_life(refusal: Refusal, job: Ad, slot: Ad) -> str:
    undeclared = job.with_values(**dict.fromkeys(_TIMES))
    if not matching.holds(refusal.clause.text, slot, undeclared):
        return "It takes no new job so near to its end: start another pilot: glidein run"
    text = refusal.clause.text.lower()
    declared = [word for name, word in _TIMES.items() if name.lower() in text]
    how = f": {', '.join(declared)}" if declared else ""
    return f"Start a pilot with a longer --lifetime, or declare a shorter run time{how}"


def _of_name(job: Ad, slot: Ad) -> str:
    bound, name = job.string("TargetAnnexName"), slot.string("AnnexName")
    give = f"Give the job the pilot's name: +TargetAnnexName = {quoting.classad(name)}"
    return f"{give}, or start a pilot with --name {quoting.sh(bound)}" if bound else give


def _of_requirements(refusal: Refusal, job: Ad, slot: Ad) -> str:
    """Return the advice for clauses that condor_submit writes, beside those on sizes."""
    text = refusal.clause.text.lower()
    if refusal.side != JOB:
        return ""
    if "isannex" in text or "annexname" in text:
        return f"Start a pilot with --name {quoting.sh(job.string('TargetAnnexName') or 'NAME')}"
    if "filesystemdomain" in text:
        return "Let the job's files be transferred: should_transfer_files = YES"
    if "hasdocker" in text:
        return "Pilots run containers by Apptainer: let the job say container_image"
    if _CONTAINERS.search(text) and slot.value("HasSingularity") is not True:
        return "The pilot found no container runtime that works: see its checks, glidein logs"
    if "gpu" in text and not slot.number("GPUs"):
        return "Start a pilot with GPUs: --gpus, or take request_gpus out of the job"
    if "availablegpus" in text:
        return "Start a pilot that has such GPUs, or ask for others: require_gpus, request_gpus"
    return ""


def _by_size(refusal: Refusal, job: Ad, slot: Ad) -> Iterator[str]:
    """Yield which size the pilot should have had."""
    for name, (_, _, option) in _SIZES.items():
        names = (name, f"TotalSlot{name}")
        if not any(each.lower() in _named(refusal.clause) for each in names):
            continue
        fits = [
            word
            for size, word in ((_HUGE, "more"), (0, "less"))
            if _holds(refusal, job, slot.with_values(**dict.fromkeys(names, size)))
        ]
        yield f"start a pilot with {fits[0] if fits else 'another size'}: {option}"


def _by_request(refusal: Refusal, job: Ad, slot: Ad) -> Iterator[str]:
    """Yield what the job should have asked for."""
    for name, word, _ in _SIZES.values():
        if name.lower() not in _named(refusal.clause):
            continue
        for size, how in ((0, "less"), (1, "less"), (_HUGE, "more")):
            if _holds(refusal, job.with_values(**{name: size}), slot):
                yield f"let the job ask for {how if name in job else 'some'}: {word}"


def _by_attribute(refusal: Refusal, job: Ad) -> Iterator[str]:
    """Yield which attributes of the job, or of the pilot, the clause turns on."""
    for name, value in _named(refusal.clause).items():
        bare = value[0]
        if name in _FIXED or not _of_job(refusal, value[1], job, bare):
            continue
        word = next((said for attribute, said, _ in _SIZES.values() if attribute.lower() == name),
                    _TIMES.get(bare, bare))  # fmt: skip
        yield f"change the job's {word}" if bare in job else f"give the job {bare}: +{bare} = ..."


def _of_job(refusal: Refusal, scope: str, job: Ad, name: str) -> bool:
    """Whether a name in the clause is one of the job's attributes, there or missing."""
    if scope:
        return (scope == "my") == (refusal.side == JOB)
    return name in job or refusal.side == PILOT


def _holds(refusal: Refusal, job: Ad, slot: Ad) -> bool:
    my, target = (job, slot) if refusal.side == JOB else (slot, job)
    return matching.holds(refusal.clause.text, my, target)


def _named(clause: Clause) -> Mapping[str, tuple[str, str]]:
    """Return the clause's names in small letters: as they are written, and their scope."""
    found = {}
    for each in clause.values:
        scope, _, name = each.rpartition(".")
        found[name.lower()] = (name, scope.lower())
    return found


def _limits(refusal: Refusal) -> bool:
    """Whether the clause only holds the job's request against the slot's sizes."""
    sizes = {name.lower() for name in _SIZES} | {names[0].lower() for names in _SIZES.values()}
    return not refusal.layer and set(_named(refusal.clause)) <= sizes


def _start_of(refusal: Refusal) -> str:
    return "--start" if refusal.layer == "GlideinStartExtra" else "START"

"""What HTCondor's words mean for the person who asked: holds, idleness and refusals.

Hold reason codes are those of HTCondor's documentation; one that is not in the table is shown
with its own text. Idle reasons are what the negotiator leaves in LastRejMatchReason.
"""

import re
from dataclasses import dataclass

from glidein.errors import CapacityError, ProviderError, RejectedError, TransientError

_FILES = "see the rights and the room of the home folder, then condor_release it, or stop it"
_POLICY = "a rule of the access point or of its own holds it: stop it, or ask the site"
_TIME = "it ran longer than it was given: stop it and give a longer --lifetime"
_IMAGE = "the machine cannot use its container image: tell the site, or take another system"
_START = "a machine could not start it: release it with condor_release to try another, or stop it"
_SIZE = "it needed more than it was granted: stop it and give more --memory"

_HOLDS = {
    1: "somebody held it: release it with condor_release, or stop it",
    3: _POLICY,
    5: _POLICY,
    6: _START,
    7: _FILES,
    8: _FILES,
    9: _FILES,
    10: _FILES,
    11: _START,
    12: "what it printed could not be sent back: " + _FILES,
    13: "a file could not be sent to the machine: is the runtime still where it was? Stop it",
    14: _FILES,
    15: "it was submitted on hold: release it with condor_release",
    16: "its files are still on their way",
    21: "the machine held it: stop it, or ask the site",
    22: _FILES,
    23: "the machine has no account for it: tell the site",
    26: _POLICY,
    27: _POLICY,
    32: "what it takes along is more than the access point sends: name a runtime by its URL",
    34: _SIZE,
    35: _IMAGE,
    45: _IMAGE,
    46: _TIME,
    47: _TIME,
}

_IDLE = (
    (r"concurrency limit", "as many run as the pool allows: it starts when some of them end"),
    (r"(submitter|group|quota|share).*(limit|exceeded|quota)",
     "you or your project run as much as you may: it starts when some of it ends"),
    (r"priorit", "others go before it; nothing is wrong"),
    (r"bandwidth", "the network of the pool is busy; nothing is wrong"),
    (r"no match found", "no machine that fits is free: it waits, or stop it and ask for less"),
    (r"PREEMPT|prefers", "machines that fit run others' jobs; it waits for its turn"),
)  # fmt: skip


def hold(code: int | None) -> str:
    """Return what to do about a hold of that code; empty for one that is not known."""
    return _HOLDS.get(code or 0, "")


def idle(reason: str) -> str:
    """Return what an idle batch job's rejection means in words; empty for one not known."""
    for pattern, words in _IDLE:
        if re.search(pattern, reason, re.IGNORECASE):
            return words
    return ""


@dataclass(frozen=True, slots=True)
class _Refusal:
    pattern: str
    kind: type[ProviderError]
    remedy: str


_REFUSALS = (
    _Refusal(
        r"would exceed|MAX_JOBS|limit of .* jobs|too many jobs",
        CapacityError,
        "you have as many batch jobs there as you may; stop some, or ask for fewer",
    ),
    _Refusal(
        r"AUTHENTICATE|DENIED|not authoriz|permission denied|PERMISSION",
        RejectedError,
        "you may not submit there: see condor_ping -table WRITE, or ask the site",
    ),
    _Refusal(
        r"cannot be seen now|condor_schedd is not|unknown host|Can't find address|"
        r"Failed to connect|Failed to fetch ads|CEDAR|SECMAN|timed out|"
        r"schedd .*(not |un)(responding|available|reachable)|Unable to locate|did not answer",
        TransientError,
        "the access point's queue does not answer; repeat it in a while",
    ),
    _Refusal(
        r"No space left|quota exceeded", CapacityError, "make room in the home folder, repeat it"
    ),
)


def refusal(said: str, what: str) -> ProviderError:
    """Return the error that condor_submit's (or another command's) words mean."""
    plain = (re.sub(r"^(ERROR|WARNING): *", "", line).strip() for line in said.splitlines())
    words = "; ".join(list(dict.fromkeys(line for line in plain if line))[:5])
    for each in _REFUSALS:
        if re.search(each.pattern, said, re.IGNORECASE):
            return each.kind(f"{what}: {words}. Next: {each.remedy}")
    return RejectedError(f"{what}: {words or 'it said nothing'}")

"""What a pilot says: its progress lines and its report, read out of any log that holds them.

Each line of the payload starts with a fixed prefix, so that it is found among whatever else a
batch system, a console or a terminal put around it:

    GLIDEIN 2026-11-23T06:00:00Z +1.2s CHECK PASS token: good for 11 h
    GLIDEIN 2026-11-23T06:00:03Z +4.1s STATE joined
    GLIDEIN-REPORT {"format":1,"request":"g...","pilot":0,"reason":"idle",...}
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from glidein.model import Finding, PilotState

_LINE = re.compile(r"GLIDEIN (\S+Z) \+(\d+(?:\.\d+)?)s (CHECK|STATE|INFO|WARN) (.*)")
_CHECK = re.compile(r"(PASS|WARN|FAIL) ([a-z-]+): ([^|]*)(?:\| ?(.*))?")
_REPORT = re.compile(r"GLIDEIN-REPORT (\{.*\})\s*$")


@dataclass(frozen=True, slots=True)
class ExitCode:
    """One way a pilot ends: its exit code, the report's `reason`, what it means, what to do."""

    code: int
    reason: str
    meaning: str
    remedy: str


EXIT_CODES = (
    ExitCode(0, "idle", "no job for the idle limit", "nothing; it left by itself"),
    ExitCode(0, "lifetime", "its life was over", "nothing; ask for a longer --lifetime if needed"),
    ExitCode(0, "told", "a signal or the pool told it to leave", "nothing; somebody asked for it"),
    ExitCode(1, "internal", "pilot.sh stopped on an error of its own", "report the lines above"),
    ExitCode(2, "usage", "an option or pilot.conf is wrong", "read the line before the report"),
    ExitCode(10, "runtime", "no usable HTCondor", "give -u with a tarball for this machine"),
    ExitCode(11, "name", "the pool's name cannot be resolved", "check -c, and the name server"),
    ExitCode(12, "connect", "no connection to the collector", "check port and firewall"),
    ExitCode(13, "pool", "what answers there is no collector", "check host and port of -c"),
    ExitCode(14, "token", "the token cannot be read", "make a new one: glidein token create"),
    ExitCode(15, "token-time", "the token is not in its time", "make a new one; check the clock"),
    ExitCode(16, "token-refused", "the pool does not accept the token", "ask the pool for one"),
    ExitCode(17, "token-scope", "the token may not advertise", "needs ADVERTISE_STARTD, _MASTER"),
    ExitCode(18, "clock", "the clock differs too much from the pool's", "set the clock"),
    ExitCode(19, "scratch", "the work folder cannot be used", "give -w a folder with room"),
    ExitCode(20, "double", "another pilot has this name already", "nothing; it did not join"),
    ExitCode(21, "daemons", "HTCondor's daemons did not start", "read the log lines above"),
    ExitCode(22, "never-joined", "the pool did not show it in time", "glidein check"),
    ExitCode(23, "pool-lost", "the pool was away for too long", "see whether the pool is up"),
    ExitCode(24, "dead-man", "daemons did not end when they had to", "report the log lines"),
    ExitCode(25, "resources", "too little was given to run any job", "ask for more memory"),
    ExitCode(137, "killed", "pilot.sh was killed; its watchdog cleaned up", "see who killed it"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One progress line: UTC time as printed, seconds since the pilot's start, kind, text."""

    at: str
    elapsed: float
    kind: str
    text: str


def lines(text: str) -> Iterator[Line]:
    """Yield the progress lines found anywhere in `text`, in order. Never raises."""
    for line in text.splitlines():
        if found := _LINE.search(line):
            yield Line(found[1], float(found[2]), found[3], found[4].rstrip())


def checks(text: str) -> tuple[Finding, ...]:
    """Return what the payload's checks found, in order."""
    found = (_CHECK.fullmatch(line.text) for line in lines(text) if line.kind == "CHECK")
    return tuple(
        Finding(m[1], m[2], m[3].strip(), (m[4] or "").strip()) for m in found if m is not None
    )


def reports(text: str) -> tuple[dict[str, Any], ...]:
    """Return every report in `text`, in order; what is no JSON object is passed over."""
    found = []
    for line in text.splitlines():
        if match := _REPORT.search(line):
            try:
                plain = json.loads(match[1])
            except ValueError:
                continue
            if isinstance(plain, dict):
                found.append(plain)
    return tuple(found)


def state(text: str, *, alive: bool) -> PilotState:
    """Return a pilot's state from what it printed; `alive` says whether it still runs."""
    told = [line.text.split()[0] for line in lines(text) if line.kind == "STATE" and line.text]
    if reports(text) or not alive:
        if "joined" in told:
            return PilotState.ENDED if reports(text) else PilotState.LOST
        return PilotState.NEVER_JOINED
    return _told_state(told)


def _told_state(told: Iterable[str]) -> PilotState:
    known = {each.value: each for each in PilotState}
    last = PilotState.STARTING
    for word in told:
        last = known.get(word, last)
    return last

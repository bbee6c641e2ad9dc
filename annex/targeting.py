"""Jobs for an annex: the lines of a submit description that send them there. Pure.

TargetAnnexName is what pilots ask for, and what HTCondor's own transform for annexes reads where an
access point has it. The clause in the job's requirements keeps it from running anywhere else.
"""

import re

from glidein import quoting
from glidein.errors import ConfigError, RenderError

_CLAUSE = "TARGET.AnnexName =?= MY.TargetAnnexName"
_TARGET = re.compile(r"^[ \t]*(?:\+|My\.)TargetAnnexName[ \t]*=.*\n", re.IGNORECASE | re.MULTILINE)
_QUEUE = re.compile(r"^[ \t]*queue\b", re.IGNORECASE | re.MULTILINE)
_REQUIREMENTS = re.compile(
    r"^([ \t]*requirements[ \t]*=[ \t]*)((?:[^\n]*\\\n)*[^\n]*)$", re.IGNORECASE | re.MULTILINE
)


def targeted(text: str, name: str) -> str:
    """Return the submit description with its jobs meant for the annex; twice is the same as once.

    Raises ConfigError for a name that it cannot hold, and for a description that queues nothing.
    """
    try:
        wanted = f"My.TargetAnnexName = {quoting.submit_string(name)}\n"
    except RenderError as error:
        raise ConfigError.one("NAME", str(error), "Use letters, digits, blanks, . _ -") from error
    text = _TARGET.sub("", text if text.endswith("\n") else text + "\n")
    queue = _QUEUE.search(text)
    if queue is None:
        raise ConfigError.one("FILE", "has no queue statement", "Name a submit description")
    head, tail = text[: queue.start()], text[queue.start() :]
    if _REQUIREMENTS.search(head):
        head = _REQUIREMENTS.sub(_with_clause, head)
    else:
        head += f"requirements = ({_CLAUSE})\n"
    return head + wanted + tail


def _with_clause(found: re.Match[str]) -> str:
    if _CLAUSE in found[2]:
        return found[0]
    return f"{found[1]}({found[2].strip()}) && ({_CLAUSE})"

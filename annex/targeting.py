"""Jobs for an annex: the lines of a submit description that send them there. Pure.

HTCondor's own transform, where an access point has it, reads TargetAnnexName; where it has none, the
requirement here says the same, and that the pilot joined under the job's owner's own name.
"""

import re

from glidein import quoting
from glidein.errors import ConfigError, RenderError

_OURS = re.compile(r"^\s*(\+|My\.)TargetAnnexName\s*=.*$", re.IGNORECASE)
_QUEUE = re.compile(r"^\s*queue\b", re.IGNORECASE)
_REQUIREMENTS = re.compile(r"^\s*requirements\s*=", re.IGNORECASE)
_MARK = "# the annex that these jobs run on: annex target"


def targeted(text: str, name: str) -> str:
    """Return the submit description with its jobs meant for the annex; twice is the same as once.

    Raises ConfigError for a name that it cannot hold, and for a description that queues nothing.
    """
    try:
        wanted = f"My.TargetAnnexName = {quoting.submit_string(name)}"
    except RenderError as error:
        raise ConfigError.one("NAME", str(error), "Use letters, digits, blanks, . _ -") from error
    lines = [line for line in text.split("\n") if not _OURS.match(line) and line != _MARK]
    places = [number for number, line in enumerate(lines) if _QUEUE.match(line)]
    if not places:
        raise ConfigError.one("FILE", "has no queue statement", "Name a submit description")
    lines[places[0] : places[0]] = [_MARK, wanted]
    return "\n".join(lines)

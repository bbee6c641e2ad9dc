"""The named quoting filters: value in, text of one language out. Nothing else may quote.

A filter either returns text that its language reads back as exactly the value, or raises
RenderError naming what the language cannot hold. Tests read every filter's output back with the
real reader: bash, classad2, condor_config_val, the payload's own parser.
"""

import re
import shlex

from glidein.errors import RenderError

_CONF_KEY = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)


def _refuse(value: str, banned: str, language: str) -> None:
    for character in banned:
        if character in value:
            raise RenderError(f"{language} cannot hold {character!r}, found in {value!r}")


def sh(value: str) -> str:
    """Quote for a POSIX shell: one word, whatever it holds but NUL."""
    _refuse(value, "\0", "a shell word")
    return shlex.quote(value)


def conf_line(key: str, value: str) -> str:
    r"""Return one line of pilot.conf: KEY='value'.

    The payload parses such lines and never sources them. Inside the quotes a backslash, a single
    quote and a newline are written \\, \' and \n; all else stands for itself.
    """
    if not _CONF_KEY.fullmatch(key):
        raise RenderError(f"{key!r} is no key of pilot.conf")
    _refuse(value, "\0\r", "pilot.conf")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"{key}='{escaped}'\n"


def classad(value: str) -> str:
    """Quote as a ClassAd string literal."""
    _refuse(value, "\0", "a ClassAd string")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f'"{escaped}"'


def condor(value: str) -> str:
    """Quote as the right-hand side of an HTCondor configuration line.

    HTCondor ends a value at the newline, joins lines at a closing backslash, strips outer blanks
    and expands $(NAME): the first two and outer blanks are refused, each dollar is written
    $(DOLLAR), the macro HTCondor defines for that purpose.
    """
    _refuse(value, "\0\r\n", "HTCondor configuration")
    if value != value.strip() or value.endswith("\\"):
        raise RenderError(f"HTCondor configuration cannot keep the ends of {value!r}")
    return value.replace("$", "$(DOLLAR)")


def xml(value: str) -> str:
    """Quote for text and attribute values of XML 1.0; characters XML cannot hold become U+FFFD."""
    clean = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", value)
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        clean = clean.replace(plain, entity)
    return clean.replace("'", "&#39;")

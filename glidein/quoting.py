"""The named quoting filters: value in, text of one language out. Nothing else may quote.

A filter either returns text that its language reads back as exactly the value, or raises
RenderError naming what the language cannot hold. Tests read every filter's output back with the
real reader: bash, classad2, condor_config_val, the payload's own parser.
"""

import re
import shlex
import unicodedata

from glidein.errors import RenderError

_CONF_KEY = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
_SBATCH = re.compile(r"[A-Za-z0-9_.,:=+@%/*&|!()\[\]-]{1,512}", re.ASCII)
_SUBMIT_FILE = re.compile(r"[A-Za-z0-9_./+:@%=~-]{1,4096}", re.ASCII)
_KNOB = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*", re.ASCII)
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
HERE_END = "GLIDEIN_HERE_ENDS"


_BLANKS = " \t\n\r\f\v"
_LOST = re.compile(r"\$\$|\$\(DOLLAR\)|\$[a-z_]\w*\([^)]*\$", re.IGNORECASE)
_HALVES = re.compile("[\ud800-\udfff]")  # of a pair in UTF-16, and bytes that are no UTF-8


def _refuse(value: str, banned: str, language: str) -> None:
    for character in banned:
        if character in value:
            raise RenderError(f"{language} cannot hold {character!r}, found in {value!r}")


def _refuse_halves(value: str, language: str) -> None:
    if found := _HALVES.search(value):
        raise RenderError(f"{language} is UTF-8 and cannot hold {found[0]!r}, found in {value!r}")


def sh(value: str) -> str:
    """Quote for a POSIX shell: one word, whatever it holds but NUL."""
    _refuse(value, "\0", "a shell word")
    return shlex.quote(value)


def sbatch(value: str) -> str:
    """Return a value fit for a #SBATCH line, or refuse it: how Slurm reads quotes there varies.

    Letters, digits and the signs that Slurm's own options use are taken; blanks, quotes, dollars,
    backslashes, hashes and anything beyond ASCII are refused.
    """
    if not _SBATCH.fullmatch(value):
        raise RenderError(f"a #SBATCH line cannot hold {value!r}; use letters, digits, . _ - :")
    return value


def node_path(value: str) -> str:
    r"""Quote a path for a shell word in which ${NAME} stands for the variable where it runs.

    Nothing else is expanded; a variable that is not set there is empty.
    """
    _refuse(value, "\0\r\n", "a path")
    pieces = _REFERENCE.split(value)
    return (
        "".join(
            f'"${{{piece}-}}"' if place % 2 else shlex.quote(piece) if piece else ""
            for place, piece in enumerate(pieces)
        )
        or "''"
    )


def command_line(value: str) -> str:
    """Return one command of a system's own set-up, which its catalogue file vouches for.

    It is a command, so nothing in it is quoted; that it is one line is checked.
    """
    _one_line(value, "a set-up command")
    return value


def comment(value: str) -> str:
    """Return text for the rest of a comment line of shell."""
    _one_line(value, "a comment")
    return value


def here(value: str) -> str:
    """Return text for a here-document that ends at HERE_END, nothing in it expanded."""
    _refuse(value, "\0", "a here-document")
    if HERE_END in value.split("\n"):
        raise RenderError(f"a here-document cannot hold the line {HERE_END}")
    return value if value.endswith("\n") or not value else value + "\n"


def _one_line(value: str, what: str) -> None:
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise RenderError(f"{what} is one line without control characters, unlike {value!r}")


def conf_line(key: str, value: str) -> str:
    r"""Return one line of pilot.conf: KEY='value'.

    The payload parses such lines and never sources them. Inside the quotes a backslash, a single
    quote and a newline are written \\, \' and \n; all else stands for itself.
    """
    if not _CONF_KEY.fullmatch(key):
        raise RenderError(f"{key!r} is no key of pilot.conf")
    _refuse(value, "\0\r", "pilot.conf")
    _refuse_halves(value, "pilot.conf")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"{key}='{escaped}'\n"


def classad(value: str) -> str:
    """Quote as a ClassAd string literal."""
    _refuse(value, "\0", "a ClassAd string")
    _refuse_halves(value, "a ClassAd string")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f'"{escaped}"'


def condor(value: str) -> str:
    """Quote as the right-hand side of an HTCondor configuration line.

    HTCondor ends a value at the newline, joins lines at a closing backslash, strips outer blanks
    and expands $(NAME): the first two and outer blanks are refused, each dollar is written
    $(DOLLAR), the macro HTCondor defines for that purpose. It reads that macro's work once more:
    two dollars in a row, the macro's own name after one, and a dollar in what then looks like a
    call, as in $INT($, cannot be kept at all. An empty value is no value to it.
    """
    _refuse(value, "\0\r\n", "HTCondor configuration")
    _refuse_halves(value, "HTCondor configuration")
    if value != value.strip(_BLANKS) or value.endswith("\\"):
        raise RenderError(
            f"HTCondor configuration cannot keep the ends of {value!r}: no blank may stand at "
            "either end, no backslash at the last"
        )
    if found := _LOST.search(value):
        raise RenderError(f"HTCondor configuration cannot hold {found[0]!r}, found in {value!r}")
    return value.replace("$", "$(DOLLAR)")


def knob(name: str, value: str) -> str:
    """Return a line of HTCondor's configuration from a system's own catalogue file.

    The file vouches for the value: macros in it are HTCondor's to expand. That it is one setting of
    one line is checked.
    """
    _one_line(value, "a knob")
    if not _KNOB.fullmatch(name) or not value.strip() or value.endswith("\\"):
        raise RenderError(f"HTCondor configuration cannot hold the knob {name} = {value!r}")
    return f"{name} = {value}\n"


def submit(value: str) -> str:
    """Return an expression of ClassAds for the right-hand side of a line of a submit description.

    The line ends at a newline and is joined to the next at a closing backslash; a dollar begins a
    macro, some of them only when the batch job starts. All these are refused, as are blank ends.
    """
    _one_line(value, "a line of a submit description")
    _refuse(value, "$", "a submit description")
    if not value or value != value.strip() or value.endswith("\\"):
        raise RenderError(f"a submit description cannot keep the ends of {value!r}")
    return value


def submit_string(value: str) -> str:
    """Return a ClassAd string literal for the right-hand side of a line of a submit description.

    Backslashes and control characters are refused: condor_submit reads them in its older way.
    """
    _refuse(value, "\\", "a string of a submit description")
    _one_line(value, "a string of a submit description")
    return submit(classad(value))


def submit_file(value: str) -> str:
    """Return a file's name for a list of files in a submit description, or refuse it.

    Commas and blanks part the names there, and there is no sign to quote them with.
    """
    if not _SUBMIT_FILE.fullmatch(value):
        raise RenderError(
            f"a submit description cannot name the file {value!r}; use letters, digits, . _ - + /"
        )
    return value


def xml(value: str) -> str:
    """Quote for text and attribute values of XML 1.0; characters XML cannot hold become U+FFFD."""
    clean = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", value)
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        clean = clean.replace(plain, entity)
    return clean.replace("'", "&#39;")

"""Steps: what is run on the far side, as text for bash, and how its answer is read. Pure.

A step is the constant scripts of annex/far, the values it works with, quoted, and one call. Files
travel in it as base64. Its answer comes in sections behind a mark that is random, so that neither
a banner nor a log that lies there can be taken for it.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from glidein import quoting
from glidein.errors import (
    CapacityError,
    ProviderError,
    RejectedError,
    TransientError,
)

# As annex/far/common.sh ends. With SYSTEM the batch system's own words are on standard error.
NO_PROGRAM, CANCELLED, BUSY, SYSTEM, DISK = 91, 92, 93, 94, 95
_STATUS: dict[int, type[ProviderError]] = {
    NO_PROGRAM: RejectedError,
    BUSY: TransientError,
    DISK: CapacityError,
}


@dataclass(frozen=True, slots=True)
class File:
    """A file to lay into a request's place: its content and its mode."""

    content: bytes
    mode: int = 0o600


def step(
    dialect: str,
    mark: str,
    verb: str,
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    laid: Mapping[str, File] | None = None,
    blob: str = "",
) -> str:
    """Return the text of one step: `verb` is a function of annex/far without its prefix.

    `blob` is the SHA-256 of a runtime that travels behind the text, as it is.
    """
    scripts = [_script("common"), _script(dialect)]
    values = {"far_mark": mark, **(settings or {})}
    lines = [f"{name}={quoting.sh(value)}" for name, value in values.items()]
    call = " ".join([f"far_{verb}", *(quoting.sh(argument) for argument in arguments)])
    return "\n".join([*scripts, *lines, _files(laid or {}, blob), "far_main() {", f"  {call}", "}",
                      "far_main </dev/null; exit", ""])  # fmt: skip


def _script(name: str) -> str:
    return files("annex").joinpath(f"far/{name}.sh").read_text(encoding="utf-8")


def _files(laid: Mapping[str, File], blob: str) -> str:
    lines = ["far_files() {"]
    if blob:
        lines.append(f"  far_blob {quoting.sh(blob)} || exit")
    for name, file in sorted(laid.items()):
        lines.append(f"  far_file {quoting.sh(name)} {file.mode:o} <<'GLIDEIN_FILE_ENDS' || exit")
        lines.append(base64.encodebytes(file.content).decode().rstrip("\n"))
        lines.append("GLIDEIN_FILE_ENDS")
    return "\n".join([*lines, "  :", "}"])


def sections(mark: str, said: str) -> dict[str, str]:
    """Return the answer's sections by name; what stands outside of them is noise."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in said.split("\n"):
        if line.startswith(f"{mark} section "):
            lines = found.setdefault(line[len(mark) + len(" section ") :], [])
        else:
            lines.append(line)
    return {name: "\n".join(body) for name, body in found.items()}


def failure(status: int, said: str, what: str) -> ProviderError:
    """Return the error for a step that ended with a status other than 0."""
    words = " ".join(said.split()) or f"it ended with status {status} and said nothing"
    return _STATUS.get(status, TransientError)(f"{what}: {words}")

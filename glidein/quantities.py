"""Quantities with units: memory and spans of time, parsed and printed in one place.

Memory is counted in MiB, as HTCondor's RequestMemory and Slurm's --mem do; time in whole seconds.
"""

import re
from fractions import Fraction

from glidein.errors import ConfigError

_MEMORY_UNITS = {
    "": Fraction(1),
    "k": Fraction(1, 1024),
    "m": Fraction(1),
    "g": Fraction(1024),
    "t": Fraction(1024**2),
}
_TIME_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_MEMORY = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE | re.ASCII)
_TIME = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([smhdw]?)", re.IGNORECASE | re.ASCII)
_CLOCK = re.compile(r"(?:(\d{1,5})-)?(\d{1,6}):([0-5]?\d)(?::([0-5]?\d))?", re.ASCII)


def parse_memory(text: str, field: str = "memory") -> int:
    """Return the MiB that `text` says: plain MiB, or a number with a unit ("64GB", "1.5 GiB").

    K, M, G and T are binary, as in Slurm and HTCondor. Part of a MiB counts as a whole one. Raises
    ConfigError, naming `field`, for anything else and for zero.
    """
    found = _MEMORY.fullmatch(text.strip())
    if found is None:
        raise ConfigError.one(field, f"{text!r} is no amount of memory", "Write 4096 or 4GB")
    mib = -(-(Fraction(found[1]) * _MEMORY_UNITS[found[2].lower()]) // 1)
    if mib < 1:
        raise ConfigError.one(field, f"{text!r} is no memory at all", "Write 4096 or 4GB")
    return int(mib)


def parse_seconds(text: str, field: str = "time") -> int:
    """Return the seconds that `text` says: plain seconds, "90s", "15m", "2h", "1.5d", "D-HH:MM:SS".

    "HH:MM:SS" and Slurm's "D-HH:MM[:SS]" are understood; "MM:SS" is refused as ambiguous.
    Raises ConfigError, naming `field`.
    """
    stripped = text.strip()
    if found := _TIME.fullmatch(stripped):
        return int(-(-(Fraction(found[1]) * _TIME_UNITS[found[2].lower()]) // 1))
    clock = _CLOCK.fullmatch(stripped)
    if clock is None or (clock[1] is None and clock[4] is None):
        raise ConfigError.one(field, f"{text!r} is no span of time", "Write 7200, 2h or 02:00:00")
    days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def show_memory(mib: int) -> str:
    """Return MiB for reading, in the largest unit that keeps it exact to a tenth: "64 GiB"."""
    for size, unit in ((1024**2, "TiB"), (1024, "GiB")):
        if mib >= size:
            return f"{mib / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{mib} MiB"


def show_seconds(seconds: float) -> str:
    """Return a span for reading, in at most two units: "45 s", "2 h 5 min", "3 d"."""
    left = round(seconds)
    if left < 0:
        return f"-{show_seconds(-left)}"
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2]) or "0 s"

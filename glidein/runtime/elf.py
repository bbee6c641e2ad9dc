"""The little that is needed of ELF: where a program names its loader, and what it links to.

Facts: System V ABI, 64-bit little-endian; program header types PT_DYNAMIC 2, PT_INTERP 3; dynamic
tags DT_NEEDED 1, DT_STRTAB 5.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

_LOAD, _DYNAMIC, _INTERP = 1, 2, 3
_NEEDED, _STRTAB = 1, 5


@dataclass(frozen=True, slots=True)
class Elf:
    """A dynamic ELF file: its interpreter field as (offset, length), and the libraries it needs."""

    interpreter: tuple[int, int] | None
    needed: tuple[str, ...]


def read(path: Path) -> Elf | None:
    """Return what `path` says, or None for what is no dynamic 64-bit ELF file."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        if file.read(6) != b"\x7fELF\x02\x01":
            return None
        data = b"\x7fELF\x02\x01" + file.read()
    try:
        return _parse(data)
    except (struct.error, ValueError, IndexError):
        return None


def _parse(data: bytes) -> Elf | None:
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", data, table + i * size) for i in range(count)]
    interpreter = next(((h[2], h[5]) for h in headers if h[0] == _INTERP), None)
    dynamic = next((h for h in headers if h[0] == _DYNAMIC), None)
    if dynamic is None:
        return None
    entries = list(struct.iter_unpack("<qQ", data[dynamic[2] : dynamic[2] + dynamic[5]]))
    address = next(value for tag, value in entries if tag == _STRTAB)
    segment = next(h for h in headers if h[0] == _LOAD and h[3] <= address < h[3] + h[5])
    strings = address - segment[3] + segment[2]
    names = (strings + value for tag, value in entries if tag == _NEEDED)
    return Elf(interpreter, tuple(data[at : data.index(b"\0", at)].decode() for at in names))

"""Reads what this project needs from ELF files: loader field, libraries asked for, search path.

Only 64-bit little-endian x86_64 files are read; whatever else is there reads as None, so that a
script or a foreign library is never mistaken for one of ours.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"
_X86_64 = 62
_LOAD, _DYNAMIC, _INTERP = 1, 2, 3
_NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 1, 5, 10, 14, 15, 29


@dataclass(frozen=True, slots=True)
class Field:
    """A run of bytes in a file: where it starts and how long it is."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Elf:
    """What a dynamic linker would read of a program or library."""

    interpreter: Field | None
    needed: tuple[str, ...]
    soname: str
    search: tuple[str, ...]
    dynamic: bool


@dataclass(frozen=True, slots=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def is_elf(path: Path) -> bool:
    """Whether the file starts as an ELF file of our kind."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def read(path: Path) -> Elf | None:
    """Return what the file says of itself, or None if it is no readable x86_64 ELF file."""
    if not is_elf(path):
        return None
    image = path.read_bytes()
    try:
        return _parse(image)
    except (struct.error, IndexError, ValueError, OverflowError, StopIteration):
        return None


def _parse(image: bytes) -> Elf | None:
    (machine,) = struct.unpack_from("<H", image, 18)
    if machine != _X86_64:
        return None
    segments = _segments(image)
    interpreter = next((Field(s.offset, s.size) for s in segments if s.kind == _INTERP), None)
    dynamic = next((s for s in segments if s.kind == _DYNAMIC), None)
    if dynamic is None:
        return Elf(interpreter, (), "", (), dynamic=False)
    entries = _entries(image, dynamic)
    strings = _strings(image, segments, dict(entries))

    def all_of(tag: int) -> tuple[str, ...]:
        return tuple(strings(value) for key, value in entries if key == tag)

    search = tuple(part for text in all_of(_RUNPATH) or all_of(_RPATH) for part in text.split(":"))
    return Elf(interpreter, all_of(_NEEDED), "".join(all_of(_SONAME)), search, dynamic=True)


def _segments(image: bytes) -> list[_Segment]:
    (table,) = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    segments = []
    for index in range(count):
        kind, _, offset, address, _, length, _, _ = struct.unpack_from(
            "<IIQQQQQQ", image, table + index * size
        )
        segments.append(_Segment(kind, offset, address, length))
    return segments


def _entries(image: bytes, dynamic: _Segment) -> list[tuple[int, int]]:
    entries = []
    for offset in range(dynamic.offset, dynamic.offset + dynamic.size, 16):
        tag, value = struct.unpack_from("<QQ", image, offset)
        if tag == 0:
            break
        entries.append((tag, value))
    return entries


def _strings(
    image: bytes, segments: list[_Segment], entries: dict[int, int]
) -> Callable[[int], str]:
    address = entries.get(_STRTAB, 0)
    home = next(
        s for s in segments if s.kind == _LOAD and s.address <= address < s.address + s.size
    )
    start = home.offset + address - home.address
    table = image[start : start + entries.get(_STRSZ, 0)]

    def at(offset: int) -> str:
        return table[offset : table.index(b"\0", offset)].decode("utf-8", "replace")

    return at

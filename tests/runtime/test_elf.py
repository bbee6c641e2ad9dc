"""Reading ELF files: a real one's facts, and that nothing else is taken for one."""

import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glidein.runtime import elf

SHELL = Path("/bin/sh").resolve()
IMAGE = SHELL.read_bytes()


def test_a_program_names_its_loader_and_its_libraries() -> None:
    found = elf.read(SHELL)
    assert found is not None
    assert found.interpreter is not None
    at, length = found.interpreter.offset, found.interpreter.length
    assert IMAGE[at : at + length].rstrip(b"\0").endswith(b"ld-linux-x86-64.so.2")
    assert "libc.so.6" in found.needed
    assert found.dynamic


def test_a_library_says_its_name_and_no_loader() -> None:
    path = next(Path("/lib/x86_64-linux-gnu").glob("libz.so.1"))
    found = elf.read(path)
    assert found is not None
    assert found.soname == "libz.so.1"


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(60)])
def test_what_is_no_such_file_reads_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    assert elf.read(tmp_path / "f") is None


def test_a_program_of_another_machine_reads_as_none(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(IMAGE[:18] + b"\xb7\x00" + IMAGE[20:])
    assert elf.read(tmp_path / "f") is None


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 4096), junk=st.binary(min_size=1, max_size=64), end=st.integers(0, 9000))
@example(at=39, junk=b"\x80", end=0)  # a table beyond what a C integer holds
def test_damage_never_raises(at: int, junk: bytes, end: int) -> None:
    damaged = (IMAGE[:at] + junk + IMAGE[at + len(junk) :])[: len(IMAGE) - end]
    path = Path("/dev/shm") / f"glidein-elf-{Path(sys.executable).stat().st_ino}"
    path.write_bytes(damaged)
    try:
        elf.read(path)
    finally:
        path.unlink()

"""Tarballs that nobody vouches for: what a release holds comes out, nothing else does."""

import io
import tarfile
from pathlib import Path

import pytest

from glidein.errors import RuntimeUnavailable
from glidein.runtime.unpacking import unpack

Entry = tuple[str, bytes, str]
FILE, FOLDER, LINK, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


def tarball(path: Path, *entries: Entry) -> Path:
    """Write a tarball of (name, kind, content or where a link leads)."""
    with tarfile.open(path, "w:gz") as tar:
        for name, kind, text in entries:
            member = tarfile.TarInfo(name)
            member.type, member.mode = kind, 0o4755
            if kind == FILE:
                member.size = len(text.encode())
            else:
                member.linkname = text
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def test_files_folders_and_links_inside_come_out(tmp_path: Path) -> None:
    archive = tarball(
        tmp_path / "a.tar.gz",
        ("c/bin", FOLDER, ""),
        ("c/bin/tool", FILE, "text"),
        ("c/bin/twin", HARD, "c/bin/tool"),
        ("c/lib/libx.so", LINK, "../bin/tool"),
    )
    root = unpack(archive, tmp_path / "out") / "c"
    assert (root / "bin/twin").read_text() == "text"
    assert (root / "lib/libx.so").read_text() == "text"
    assert (root / "bin/tool").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    "entries",
    [
        [("../out2/x", FILE, "")],
        [("/tmp/glidein-x", FILE, "")],
        [("c/a\nb", FILE, "")],
        [("c/l", LINK, "/etc/passwd")],
        [("c/l", LINK, "../../x")],
        [("c/l", LINK, ".."), ("c/l/x", FILE, "")],
        [("c/d/e", LINK, "../.."), ("c/f", LINK, "d/e/../../x")],
        [("c/loop", LINK, "loop")],
        [("c/device", tarfile.CHRTYPE, "")],
        [("c/pipe", tarfile.FIFOTYPE, "")],
        [("c/x", FILE, "1"), ("c/x", FILE, "2")],
        [("c/h", HARD, "../../etc/passwd")],
    ],
)
def test_what_no_release_holds_is_refused(tmp_path: Path, entries: list[Entry]) -> None:
    archive = tarball(tmp_path / "a.tar.gz", *entries)
    with pytest.raises(RuntimeUnavailable, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "out"]


@pytest.mark.parametrize("kept", ["half", "nothing", "junk before"])
def test_a_damaged_tarball_is_refused(tmp_path: Path, kept: str) -> None:
    archive = tarball(tmp_path / "a.tar.gz", *[(f"c/{i}", FILE, str(i) * 999) for i in range(99)])
    whole = archive.read_bytes()
    damaged = {"half": whole[: len(whole) // 2], "nothing": b"", "junk before": b"junk" + whole}
    archive.write_bytes(damaged[kept])
    with pytest.raises(RuntimeUnavailable, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out")

"""Unpacking a tarball that nobody vouches for: it can write nothing outside its folder.

Python's own extraction filters are newer than the oldest Python we run on, so the rules are here:
plain files, folders and links that stay inside; nothing through a link, nothing twice.
"""

import shutil
import tarfile
import zlib
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from glidein.errors import RuntimeUnavailable

# Ten times the largest release; a tarball that is nothing but zeros would fill the disk.
_MOST_BYTES = 4_000_000_000


def unpack(archive: Path, to: Path) -> Path:
    """Unpack into the new folder `to` and return it; modes are 755 or 644, times are now.

    Raises RuntimeUnavailable for a tarball that is damaged, or holds what no release does: names
    or links that lead outside, devices, or more than 4 GB. What is unpacked by then stays in `to`.
    """
    to.mkdir()
    try:
        with tarfile.open(archive) as tar:
            links: set[PurePosixPath] = set()
            total = 0
            for member in tar:
                total += member.size
                _refuse(member, total, links)
                _extract(tar, member, to, links)
    except (tarfile.TarError, EOFError, zlib.error, LZMAError, KeyError, FileExistsError) as error:
        why = " ".join(str(error).split())[:200]
        raise RuntimeUnavailable(f"the tarball cannot be unpacked: {why}") from error
    for link in links:
        if not _stays_inside(to / link, to):
            raise RuntimeUnavailable(f"the tarball cannot be unpacked: {link} leads outside")
    return to


def _stays_inside(link: Path, root: Path) -> bool:
    try:
        return link.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # how Python 3.11 and 3.13 tell of a link that leads to itself
        return False


def _refuse(member: tarfile.TarInfo, total: int, links: set[PurePosixPath]) -> None:
    name = PurePosixPath(member.name)
    why = ""
    if name.is_absolute() or ".." in name.parts or set(member.name) & set("\\\n\r\0"):
        why = "is no name of a file in a release"
    elif not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        why = "is neither file, folder nor link"
    elif links & {name, *name.parents}:
        why = "lies beyond a link"
    elif total > _MOST_BYTES:
        why = f"makes it larger than {_MOST_BYTES // 10**9} GB"
    if why:
        raise RuntimeUnavailable(f"the tarball cannot be unpacked: {member.name!r} {why}")


def _extract(
    tar: tarfile.TarFile, member: tarfile.TarInfo, to: Path, links: set[PurePosixPath]
) -> None:
    target = to / member.name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        target.symlink_to(member.linkname)
        links.add(PurePosixPath(member.name))
        return
    content = tar.extractfile(member)  # a hard link's is found in the archive, not on disk
    if content is not None:
        with target.open("xb") as file:
            shutil.copyfileobj(content, file)
        target.chmod(0o755 if member.mode & 0o111 else 0o644)

"""A kernel that lets an ordinary user make no namespace: its limit set to none, for us alone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glidein import process
from tests.beds import pools

EVERYONE = "0 0 65536"


@contextmanager
def without_namespaces() -> Iterator[list[str | Path]]:
    """Yield what starts a program where nobody can make a user namespace. Root only.

    It is a user namespace itself, in which everyone is who they are outside, with a limit of 0.
    """
    with pools.open_folder("glk-") as folder:
        kept = folder / "user"
        kept.touch()
        pid = process.spawn(["unshare", "--user", "--", "sleep", "20"], log=folder / "log")
        own = Path("/proc/self/ns/user").readlink()
        theirs = Path(f"/proc/{pid}/ns/user")
        while theirs.readlink() == own:
            time.sleep(0.01)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{pid}/{name}").write_text(EVERYONE)
        process.run(["mount", "--bind", theirs, kept], timeout=10)
        process.run(["kill", str(pid)], timeout=10)
        lead: list[str | Path] = ["nsenter", f"--user={kept}", "--"]
        try:
            limit = "echo 0 >/proc/sys/user/max_user_namespaces"
            process.run([*lead, "sh", "-c", limit], timeout=10)
            yield lead
        finally:
            process.run(["umount", "-l", kept], timeout=10)

"""A job that tries to get its pilot's token; prints the first way that it found, or `nothing`.

Arguments: condor_config_val, a piece of the token, then paths at which the token lay or lies.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

PTRACE_ATTACH = 16


def _holds(path: Path, secret: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return secret in file.read(1 << 20)
    except OSError:
        return False


def _in_tree(root: Path, secret: bytes) -> bool:
    try:
        return any(_holds(p, secret) for p in root.rglob("*") if p.is_file() and not p.is_symlink())
    except OSError:
        return False


def _memory_opens(pid: str) -> bool:
    try:
        with Path("/proc", pid, "mem").open("rb"):
            return True
    except OSError:
        return False


def _attaches(pid: str) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_ATTACH, int(pid), 0, 0) == 0:
        os.waitpid(int(pid), 0)
        libc.ptrace(17, int(pid), 0, 0)
        return True
    return False


def _daemons() -> list[str]:
    """Every process that is not the spy's own family, by pid."""
    family = {str(os.getpid()), str(os.getppid())}
    return [p.name for p in Path("/proc").iterdir() if p.name.isdigit() and p.name not in family]


def _ways(secret: bytes, paths: list[str]) -> Iterator[str]:
    yield from (f"cat {path}" for path in paths if _holds(Path(path), secret))
    for pid in _daemons():
        proc = Path("/proc", pid)
        try:
            name = (proc / "comm").read_text().strip()
        except OSError:
            continue
        yield from (f"{name} {x}" for x in ("environ", "cmdline") if _holds(proc / x, secret))
        yield from (f"{name} root {x}" for x in paths if _holds(Path(f"{proc}/root{x}"), secret))
        if _in_tree(proc / "cwd", secret):
            yield f"{name} cwd"
        if any(_holds(proc / "fd" / str(number), secret) for number in range(3, 20)):
            yield f"{name} fd"
        if _memory_opens(pid):
            yield f"{name} mem"
        if _attaches(pid):
            yield f"{name} ptrace"


def _config_val(program: str, secret: bytes) -> Iterator[str]:
    config = Path(os.environ["GLIDEIN_PILOT"], "condor_config")
    env = {**os.environ, "CONDOR_CONFIG": str(config)}
    said = subprocess.run([program, "-dump"], capture_output=True, check=True, env=env)
    if secret in said.stdout:
        yield "condor_config_val"


if __name__ == "__main__":
    secret = sys.argv[2].encode()
    ways = chain(_config_val(sys.argv[1], secret), _ways(secret, sys.argv[3:]))
    print(next(ways, "nothing"))

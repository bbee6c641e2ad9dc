"""A job that tries to get its pilot's token; prints each way in which it did, or `nothing`.

Arguments: a piece of the token, then paths at which the token lay or lies.
"""

import ctypes
import os
import subprocess
import sys
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


def _steals(secret: bytes, paths: list[str]) -> list[str]:
    ways = [f"cat {path}" for path in paths if _holds(Path(path), secret)]
    for pid in _daemons():
        proc = Path("/proc", pid)
        name = (proc / "comm").read_text().strip() if (proc / "comm").exists() else "?"
        ways += [f"{name} {x}" for x in ("environ", "cmdline") if _holds(proc / x, secret)]
        ways += [f"{name} root{p}" for p in paths if _holds(Path(f"{proc}/root{p}"), secret)]
        ways += [
            f"{name} cwd"
            for _ in [0]
            if name.startswith("condor") and _in_tree(proc / "cwd", secret)
        ]
        ways += [
            f"{name} fd"
            for _ in [0]
            if any(_holds(Path(f"{proc}/fd/{n}"), secret) for n in range(3, 20))
        ]
        if name not in ("spy", "condor_starter") and _memory_opens(pid):
            ways.append(f"{name} mem")
        if (
            name not in ("spy", "condor_starter")
            and name.startswith(("condor", "bash"))
            and _attaches(pid)
        ):
            ways.append(f"{name} ptrace")
    config = next(iter(Path(os.environ["GLIDEIN_PILOT"]).glob("condor_config")))
    env = {**os.environ, "CONDOR_CONFIG": str(config)}
    argv = ["condor_config_val", "-dump"]
    said = subprocess.run(argv, capture_output=True, check=True, env=env)
    if secret in said.stdout:
        ways.append("condor_config_val")
    return ways


if __name__ == "__main__":
    print("\n".join(_steals(sys.argv[1].encode(), sys.argv[2:])) or "nothing")

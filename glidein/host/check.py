"""What this machine has for a pilot: size, tools, room. Reads only."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from glidein import process, quantities
from glidein.host.given import given
from glidein.model import FAIL, PASS, WARN, Finding, Offer, Resources

# What the payload cannot do without; the rest it replaces or leaves out.
TOOLS = ("tar", "gzip", "sed", "grep", "awk", "mv", "cat")
_ROOM_MB = 1024
_CAPS = 2  # what the driver has for configuring and monitoring, without any slice


def machine() -> Resources:
    """Return what this process was given of the machine: cores and memory."""
    return given()


def gpus(
    dev: Path = Path("/dev"), kfd: Path = Path("/sys/class/kfd/kfd/topology/nodes")
) -> int | None:
    """Return how many GPUs a pilot would find at most; None where only its runtime can tell.

    NVIDIA's are device files, AMD's nodes of the kfd driver. A card that is cut in slices (MIG) or
    that a Windows host lends counts otherwise: there nothing is known.
    """
    if len(list(dev.glob("nvidia-caps/nvidia-cap*"))) > _CAPS or (dev / "dxg").exists():
        return None
    cards = [each for each in dev.glob("nvidia*") if each.name[6:].isdecimal()]
    amd = [each for each in kfd.glob("*/gpu_id") if each.read_text().strip() not in ("", "0")]
    found = max(len(cards), len(amd))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return found
    return 0 if visible in ("", "-1", "NoDevFiles", "none") else min(found, visible.count(",") + 1)


def offer(wanted: Resources, running: Iterable[Resources], whole: Resources | None = None) -> Offer:
    """Return how many pilots of a size fit beside those running; one without a size takes all."""
    whole = whole or machine()
    used = list(running)
    free = Resources(
        cpus=_left(whole.cpus, [each.cpus for each in used]),
        memory_mb=_left(whole.memory_mb, [each.memory_mb for each in used]),
    )
    size = replace(
        wanted,
        cpus=wanted.cpus or free.cpus or whole.cpus,
        memory_mb=wanted.memory_mb or free.memory_mb or whole.memory_mb,
    )
    bounds = [
        (_fits(free.cpus, wanted.cpus), f"{free.cpus} of {whole.cpus} cores are free"),
        (_fits(free.memory_mb, wanted.memory_mb), _memory_words(free, whole)),
    ]
    pilots, reason = min(bounds, key=lambda bound: bound[0])
    return Offer(pilots, size, f"this machine: {reason}")


def _left(whole: int | None, used: list[int | None]) -> int | None:
    if whole is None:
        return None
    return 0 if None in used else max(0, whole - sum(each or 0 for each in used))


def _fits(free: int | None, wanted: int | None) -> int:
    if free is None:
        return 1
    return free // wanted if wanted else int(free > 0)


def _memory_words(free: Resources, whole: Resources) -> str:
    left, there = (quantities.show_memory(each.memory_mb or 0) for each in (free, whole))
    return f"{left} of {there} memory is free"


def check(payload: Path, state: Path, work_dir: Path | None) -> tuple[Finding, ...]:
    """Say what works here and what does not."""
    return tuple(
        finding
        for part in (_tools(), _payload(payload), _state(state), _scratch(work_dir))
        for finding in part
    )


def _tools() -> Iterator[Finding]:
    try:
        said = process.run(
            ["bash", "-c", "echo ${BASH_VERSINFO[0]}.${BASH_VERSINFO[1]}"], timeout=5
        )
    except process.CommandError as error:
        yield Finding(FAIL, "bash", f"cannot be run: {error}", "install bash 4.2 or newer")
    else:
        major, _, minor = said.stdout.strip().partition(".")
        good = (int(major), int(minor)) >= (4, 2)
        verdict, remedy = (PASS, "") if good else (FAIL, "install bash 4.2 or newer")
        yield Finding(verdict, "bash", f"version {major}.{minor}", remedy)
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        yield Finding(FAIL, "tools", f"not found: {', '.join(missing)}", "put them on PATH")
    else:
        yield Finding(PASS, "tools", "all that a pilot needs is on PATH")


def _payload(payload: Path) -> Iterator[Finding]:
    if payload.is_file() and os.access(payload, os.R_OK):
        yield Finding(PASS, "payload", "the pilot's script is there")
    else:
        yield Finding(FAIL, "payload", f"{payload} cannot be read", "install glidein again")


def _state(folder: Path) -> Iterator[Finding]:
    there = next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))
    if not os.access(there, os.W_OK | os.X_OK):
        remedy = "set XDG_STATE_HOME to a folder of yours"
        yield Finding(FAIL, "state", f"{there} cannot be written", remedy)
    elif folder.exists() and folder.stat().st_mode & 0o077:
        yield Finding(WARN, "state", f"{folder} is open to others", f"chmod 700 {folder}")
    else:
        yield Finding(PASS, "state", f"requests are kept in {folder}")


def _scratch(work_dir: Path | None) -> Iterator[Finding]:
    folder = work_dir or Path(tempfile.gettempdir())
    try:
        with tempfile.TemporaryDirectory(prefix="glidein-check-", dir=folder):
            free = shutil.disk_usage(folder).free >> 20
    except OSError as error:
        remedy = "give --work-dir a folder with room"
        yield Finding(FAIL, "scratch", f"{folder} cannot be used: {error.strerror}", remedy)
        return
    room = quantities.show_memory(free)
    if free < _ROOM_MB:
        yield Finding(WARN, "scratch", f"only {room} free in {folder}", "give --work-dir more")
    else:
        yield Finding(PASS, "scratch", f"{room} free in {folder}")

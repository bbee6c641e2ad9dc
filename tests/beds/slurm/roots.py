"""The trees of files that the bed's hosts are made of: this machine's, or a newer Debian's."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Root:
    """A tree and the Slurm in it."""

    slurm: str
    path: Path


def native() -> Root:
    """This machine's own tree: the quick one."""
    return Root("22.05", Path("/"))

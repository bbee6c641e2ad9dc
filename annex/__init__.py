"""Pilots as batch jobs: on this machine's batch system, and on far ones over SSH."""

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glidein.provider import Provider


def providers() -> Iterator["Provider"]:
    """Yield this machine's Slurm, if it has one, and each far place that requests went to.

    As the entry point glidein.providers wants it; nothing is connected by that.
    """
    if shutil.which("sbatch"):
        from annex.cli.words import provider

        yield provider()
    from annex import farproviders
    from glidein.ledger import Ledger

    yield from farproviders.of_ledger(Ledger())

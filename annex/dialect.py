"""Dialects: what a batch system's own words are. Pure; the far side's half lies in annex/far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from annex.batchjob import BatchJob
from annex.steps import File
from glidein.errors import ProviderError
from glidein.model import Finding, Offer, PilotSpec, Request


@dataclass(frozen=True, slots=True)
class View:
    """What a batch system told of its jobs. `why` says why that is not all; empty if it is."""

    jobs: Sequence[BatchJob]
    why: str = ""


class Dialect(Protocol):
    """The words of one kind of batch system."""

    @property
    def name(self) -> str:
        """The name of its script in annex/far."""

    def files(self, request: Request) -> Mapping[str, File]:
        """Return what is laid into a request's place before it is submitted."""

    def read(self, answer: Mapping[str, str]) -> View:
        """Read the sections that its script printed about its jobs."""

    def offer(self, spec: PilotSpec, answer: Mapping[str, str]) -> Offer:
        """Say what it could start, out of what its script printed about its nodes."""

    def check(self, answer: Mapping[str, str], where: str) -> tuple[Finding, ...]:
        """Say in words what its script found out."""

    def refusal(self, said: str, what: str) -> ProviderError:
        """Return the error that the system's own words mean."""

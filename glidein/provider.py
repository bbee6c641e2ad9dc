"""The provider protocol: what every place that can start pilots must be able to do."""

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, runtime_checkable

from glidein.errors import ConfigError
from glidein.model import Finding, Listing, Offer, PilotSpec, Request

GROUP = "glidein.providers"


@runtime_checkable
class Provider(Protocol):
    """A place that starts and cancels requests. The contract suite holds all of them to this.

    Every method raises only ProviderError and its kinds (glidein.errors), or ConfigError for what
    the user gave. An instance may be called from several threads, and several clients may speak to
    one place at once.
    """

    @property
    def name(self) -> str:
        """What the user calls this instance: "host", "batch:local", "openstack:NAME"."""

    def offer(self, spec: PilotSpec) -> Offer:
        """Say what could be started now for `spec`; starts nothing."""

    def launch(self, request: Request, token: Path) -> str:
        """Start the request, its pilots armed with a copy of `token`; return the provider's id.

        Repeated with the same request id it starts nothing and returns what the first made, also
        when that has ended since. An id that was cancelled is spent: RejectedError. After any other
        error the same launch may be repeated. The caller has the intent in its ledger before.
        `token` is only read.
        """

    def list(self) -> Listing:
        """Return every request of ours that the place knows, running or ended."""

    def cancel(self, request_id: str, *, fast: bool = False) -> None:
        """Stop the request and remove what it left; what is gone already is success.

        Where the place can, its pilots may drain for their grace; `fast` ends them at once.
        """

    def logs(self, request_id: str) -> dict[int, str]:
        """Return what each pilot printed, by index. Raises NotFoundError for an unknown request."""

    def check(self) -> tuple[Finding, ...]:
        """Say in words what works here and what does not; starts nothing."""


def discover() -> Iterator[Provider]:
    """Yield the configured instances of every installed provider, in order of name."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        yield from point.load()()


def named(name: str) -> Provider:
    """Return the provider the user calls `name`, or raise ConfigError with those there are."""
    known = {provider.name: provider for provider in discover()}
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        raise ConfigError.one("provider", f"there is no {name!r}", f"There are: {there}")
    return known[name]

"""Starting, stopping and forgetting requests: the ledger first, then the asking."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from glidein import requests
from glidein.errors import GlideinError, NotFoundError
from glidein.ledger import Ledger
from glidein.model import Request, RequestState
from glidein.provider import Provider


class Starter(Protocol):
    """What start() needs of a provider."""

    @property
    def name(self) -> str:
        """The provider's name."""

    def launch(self, request: Request, token: Path) -> str:
        """Start the request; see Provider."""


def start(ledger: Ledger, provider: Starter, request: Request, token: Path) -> str:
    """Record the intent and the asking, launch, record the answer; return the provider's id.

    So a request whose client died is known to have been asked for, or not. Whatever the provider
    raises is recorded and goes on.
    """
    ledger.intend(request)
    return ask(ledger, provider, request, token)


def ask(ledger: Ledger, provider: Starter, request: Request, token: Path) -> str:
    """Ask for a request that the ledger has, for the first time or once more; as start does."""
    ledger.append(request.id, "asked", datetime.now(UTC), provider=provider.name)
    try:
        remote = provider.launch(request, token)
    except GlideinError as error:
        ledger.append(request.id, "failed", datetime.now(UTC), error=str(error))
        raise
    ledger.append(request.id, "answered", datetime.now(UTC), remote_id=remote)
    return remote


def stop(ledger: Ledger, provider: Provider, request_id: str, *, fast: bool = False) -> None:
    """Cancel a request, record that and its end; one that the ledger lost is cancelled too."""
    provider.cancel(request_id, fast=fast)
    try:
        ledger.append(request_id, "cancelled", datetime.now(UTC), reason="stopped")
    except NotFoundError:
        return
    with suppress(GlideinError):  # the next listing records it otherwise
        note_end(ledger, provider, request_id)


def note_end(ledger: Ledger, provider: Provider, request_id: str) -> None:
    """Record how a request ended, as its provider sees it now."""
    seen = provider.list().find(request_id)
    if seen is not None and seen.state is RequestState.ENDED:
        requests.note(ledger, ledger.read(request_id), seen)


def forget_old(ledger: Ledger, provider: Provider) -> None:
    """Forget requests of this provider that ended long ago (requests.KEEP)."""
    found, _ = requests.listings([provider])
    rows, _ = requests.join(ledger, found)
    requests.prune(ledger, rows, datetime.now(UTC) - requests.KEEP)

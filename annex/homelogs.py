"""Logs of far requests, brought home: beside the request in the ledger, for after the end."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from annex.provider import BatchProvider
from glidein.errors import GlideinError
from glidein.ledger import Ledger
from glidein.model import RequestState
from glidein.requests import Row

_FOLDER = "logs"


def kept(ledger: Ledger, request_id: str) -> dict[str, str]:
    """Return what was brought home of a request, by name: pilot.0, pilot.1, batch."""
    folder = ledger.folder / request_id / _FOLDER
    with suppress(OSError):
        return {each.stem: each.read_text(errors="replace") for each in sorted(folder.iterdir())}
    return {}


def fetch(ledger: Ledger, provider: BatchProvider, request_id: str) -> dict[str, str]:
    """Bring a request's logs home and return them; those of before stay where it has none."""
    texts = {f"pilot.{index}": text for index, text in provider.logs(request_id).items()}
    folder = ledger.folder / request_id / _FOLDER
    if texts and folder.parent.is_dir():
        folder.mkdir(mode=0o700, exist_ok=True)
        for name, text in texts.items():
            _write(folder / f"{name}.log", text)
    return texts or kept(ledger, request_id)


def bring(ledger: Ledger, providers: Iterable[BatchProvider], rows: Iterable[Row]) -> None:
    """Bring home what ended and was not brought yet; what cannot be now is tried another time."""
    by_name = {each.name: each for each in providers}
    for row in rows:
        provider = by_name.get(row.provider)
        over = row.state is RequestState.ENDED and row.record is not None
        if provider is not None and over and row.seen is not None and not kept(ledger, row.id):
            with suppress(GlideinError, OSError):
                fetch(ledger, provider, row.id)


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)

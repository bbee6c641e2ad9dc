"""What the commands list, stop and logs share: which requests there are."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glidein.requests import Row


def rows(*, refresh: bool = False) -> "tuple[tuple[Row, ...], tuple[str, ...]]":
    """Return every request and words on what could not be read; far systems only on `refresh`.

    What a provider says that the ledger did not know is recorded, ends with their reports.
    """
    from glidein import provider, requests
    from glidein.ledger import Ledger

    asked = [one for one in provider.discover() if refresh or one.name in requests.NEAR]
    found, dim = requests.listings(asked)
    ledger = Ledger()
    joined, damaged = requests.join(ledger, found)
    return joined, dim + damaged + requests.note_all(ledger, joined)


def one(known: "tuple[Row, ...]", text: str) -> "Row":
    """Return the request of that id, or of the only id that begins so."""
    from glidein.errors import NotFoundError
    from glidein.model import checked_request_id

    found = [row for row in known if row.id == text]
    found = found or [row for row in known if text and row.id.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFoundError(f"{text} is the beginning of {len(found)} requests: write more of it")
    checked_request_id(text)
    raise NotFoundError(f"there is no request {text}; see them with: glidein list")

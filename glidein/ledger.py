"""The ledger: what was intended, asked, answered and seen, one folder per request.

A request's folder appears whole, with its intent in it, or not at all; two clients can never share
an id. Its file events.jsonl is append-only: one JSON object a line, the format version in the
first. No database: homes are NFS. What was cut off by a kill or a full disk is at most the last
line; readers pass over it and say so, the next writer starts a new line after it.
"""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glidein import paths
from glidein.errors import LedgerError, NotFoundError
from glidein.model import (
    DirectAttach,
    PilotSpec,
    PoolAddress,
    Request,
    Resources,
    RuntimeChoice,
    checked_request_id,
)

FORMAT = 1
_EVENTS = "events.jsonl"
_DRAFT = ".draft-"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a request: what, when, and its particulars."""

    kind: str
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """A request with its events, oldest first. `damaged` counts lines that could not be read."""

    request: Request
    events: tuple[Event, ...]
    folder: Path
    damaged: int = 0

    def last(self, kind: str) -> Event | None:
        """Return the newest event of a kind, or None."""
        return next((event for event in reversed(self.events) if event.kind == kind), None)


class Ledger:
    """The requests of one user (or one service), under one folder."""

    def __init__(self, state_dir: Path | None = None) -> None:
        self.folder = (state_dir or paths.state()) / "requests"

    def intend(self, request: Request, **note: object) -> Path:
        """Record the intent, before anything is asked of a provider; return the folder.

        Raises LedgerError if the id is taken or the folder cannot be written.
        """
        folder = self.folder / checked_request_id(request.id)
        line = _line("intended", request.created, {"request": _to_json(request), **note})
        try:
            paths.private_folder(self.folder)
            draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self.folder))
        except OSError as error:
            raise _cannot("written", self.folder, error) from error
        try:
            self._write(draft, {"format": FORMAT, **line})
            draft.rename(folder)  # onto a folder that has something in it, this fails: that is it
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            if folder.exists():
                raise LedgerError(f"request {request.id} is in the ledger already") from None
            raise _cannot("written", self.folder, error) from error
        except LedgerError:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return folder

    def append(self, request_id: str, kind: str, now: datetime, **data: object) -> None:
        """Record one more event. Raises NotFoundError if there is no such request."""
        folder = self.folder / checked_request_id(request_id)
        if not folder.is_dir():
            raise NotFoundError(f"request {request_id} is not in the ledger at {self.folder}")
        self._write(folder, _line(kind, now, data))

    def read(self, request_id: str) -> Record:
        """Return one request with all its events. Raises NotFoundError or LedgerError."""
        folder = self.folder / checked_request_id(request_id)
        try:
            text = (folder / _EVENTS).read_bytes().decode(errors="replace")
        except FileNotFoundError:
            raise NotFoundError(
                f"request {request_id} is not in the ledger at {self.folder}"
            ) from None
        except OSError as error:
            raise _cannot("read", folder, error) from error
        return _parse(folder, text)

    def all(self) -> tuple[tuple[Record, ...], tuple[str, ...]]:
        """Return every readable request, oldest first, and a word on each that is not."""
        records, troubles = [], []
        for folder in self._folders():
            try:
                records.append(self.read(folder.name))
            except Exception as error:  # one bad folder must not hide the others
                troubles.append(f"{folder.name}: {error}")
        return tuple(sorted(records, key=lambda r: (r.request.created, r.request.id))), tuple(
            troubles
        )

    def prune(self, request_id: str) -> None:
        """Forget a request and remove its folder; the caller knows that nothing of it is left."""
        folder = self.folder / checked_request_id(request_id)
        grave = self.folder / f"{_DRAFT}{request_id}-{os.getpid()}"
        with suppress(FileNotFoundError):  # renamed first: half of a folder must not be read
            folder.rename(grave)
        shutil.rmtree(grave, ignore_errors=True)

    def sweep(self, before: datetime) -> None:
        """Remove what clients that were killed in mid-write left before that time."""
        for draft in self.folder.glob(f"{_DRAFT}*"):
            with suppress(OSError):
                if draft.stat().st_mtime < before.timestamp():
                    shutil.rmtree(draft, ignore_errors=True)

    def _folders(self) -> list[Path]:
        try:
            entries = sorted(self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _cannot("read", self.folder, error) from error
        return [entry for entry in entries if entry.is_dir() and entry.name[0] != "."]

    def _write(self, folder: Path, line: Mapping[str, object]) -> None:
        path = folder / _EVENTS
        payload = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    payload = b"\n" + payload
                while payload:
                    payload = payload[os.write(descriptor, payload) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _cannot("written", path, error) from error


def _cannot(done: str, path: Path, error: OSError) -> LedgerError:
    """Return the error that says what cannot be done where, why, and what to do about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "make room there, or set XDG_STATE_HOME to a folder that has some"
    elif error.errno in (errno.EACCES, errno.EPERM):
        remedy = f"look with: ls -ld '{path}', or set XDG_STATE_HOME to a folder of yours"
    else:
        remedy = "set HOME or XDG_STATE_HOME to a folder of yours"
    return LedgerError(f"the ledger at {path} cannot be {done}: {error.strerror}; {remedy}")


def _line(kind: str, now: datetime, data: Mapping[str, object]) -> dict[str, object]:
    return {"at": now.astimezone(UTC).isoformat(timespec="milliseconds"), "event": kind, **data}


def _to_json(request: Request) -> dict[str, object]:
    plain = asdict(request)
    plain["created"] = request.created.astimezone(UTC).isoformat()
    return plain


def _from_json(plain: Mapping[str, Any]) -> Request:
    spec = plain["spec"]
    attach = spec.get("direct_attach")
    return Request(
        id=plain["id"],
        provider=plain["provider"],
        created=datetime.fromisoformat(plain["created"]),
        pilots=plain["pilots"],
        runtime=RuntimeChoice(**plain["runtime"]) if plain.get("runtime") else None,
        options=plain.get("options", {}),
        spec=PilotSpec(
            **{
                **spec,
                "pool": PoolAddress(**spec["pool"]),
                "owners": tuple(spec["owners"]),
                "resources": Resources(**spec["resources"]),
                "direct_attach": DirectAttach(**{**attach, "pool": PoolAddress(**attach["pool"])})
                if attach
                else None,
            }
        ),
    )


def _parse(folder: Path, text: str) -> Record:
    lines = [line for line in text.split("\n") if line.strip()]
    events: list[Event] = []
    damaged = 0
    request: Request | None = None
    for line in lines:
        try:
            plain = json.loads(line)
            _refuse_newer(folder, plain)
            events.append(
                Event(
                    plain.pop("event"),
                    datetime.fromisoformat(plain.pop("at")),
                    plain,
                )
            )
            if request is None and events[-1].kind == "intended":
                request = _from_json(plain["request"])
        except (ValueError, KeyError, TypeError, AttributeError):
            damaged += 1
    if request is None:
        raise LedgerError(
            f"{folder} is damaged: it says no more what was asked for; move it away once nothing "
            "of it runs any more"
        )
    return Record(request, tuple(events), folder, damaged)


def _refuse_newer(folder: Path, plain: Mapping[str, Any]) -> None:
    version = plain.get("format", FORMAT)
    if version > FORMAT:
        raise LedgerError(
            f"{folder} was written by a newer Glidein (format {version}, this one reads "
            f"{FORMAT}): use the newer one"
        )

"""The folder in which the host provider keeps one request, and what can be read out of it.

In requests/ID/host/ lie:

- request.json: what was asked for: time, number and size of pilots; and where their work folders
  may lie, which the environment of a later client would not tell.
- cancelled: there once the request was cancelled; nothing starts under it any more.
- .new-INDEX-RANDOM/: a pilot being prepared; garbage if its client was killed.
- pilot.INDEX/: a pilot that claimed its place, by a rename of the former. In it: process (who it
  is, see glidein.identity), pilot.conf, pilot.sh, log, and token until the pilot has taken it.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glidein import report
from glidein.errors import NotFoundError
from glidein.host.identity import Identity
from glidein.model import (
    PilotName,
    PilotState,
    Request,
    RequestState,
    Resources,
    SeenPilot,
    SeenRequest,
)

FORMAT = 1
_DRAFT = ".new-"
_READ_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Seat:
    """One pilot's folder, claimed or not."""

    folder: Path
    request_id: str
    index: int

    @property
    def log(self) -> Path:
        """Where it prints."""
        return self.folder / "log"

    @property
    def token(self) -> Path:
        """Its token, until it has taken it."""
        return self.folder / "token"

    def claimed(self) -> bool:
        """Whether a process has, or had, this seat."""
        return (self.folder / "process").exists()

    def identity(self) -> Identity | None:
        """Return whose seat it is; None if nobody's or no longer readable."""
        try:
            return Identity.parse((self.folder / "process").read_text(errors="replace"))
        except FileNotFoundError:
            return None

    def printed(self) -> str:
        """Return what the pilot printed; of a very long log the beginning and the end."""
        try:
            with self.log.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                text = file.read(_READ_MOST)
                if size > 2 * _READ_MOST:
                    text += b"\n[...]\n"
                    file.seek(size - _READ_MOST)
                text += file.read()
        except FileNotFoundError:
            return ""
        return text.decode(errors="replace")

    def see(self) -> SeenPilot:
        """Return the pilot as its process and its log show it."""
        text, who = self.printed(), self.identity()
        told = report.reports(text)
        alive = who is not None and (who.alive() or (who.elsewhere and not told))
        state = report.state(text, alive=alive)
        return SeenPilot(
            PilotName(self.request_id, self.index),
            state,
            _detail(who, told[-1] if told else None, state, alive),
            told[-1] if told else None,
        )


def _detail(
    who: Identity | None, told: dict[str, Any] | None, state: PilotState, alive: bool
) -> str:
    if told is not None:
        return str(told.get("reason", "ended"))
    if alive and who is not None and who.elsewhere:
        return f"runs on {who.node}, or did when that machine was last up: ask there"
    if not alive and state in (PilotState.LOST, PilotState.NEVER_JOINED):
        return "ended without a report: killed, or the machine was restarted"
    return ""


class HostFolder:
    """One request's folder; made by prepare(), else only read."""

    def __init__(self, ledger_folder: Path) -> None:
        self.id = ledger_folder.name
        self.folder = ledger_folder / "host"

    def exists(self) -> bool:
        """Whether this request was ever asked of the host provider."""
        return self.folder.is_dir()

    def prepare(self, request: Request, work_dirs: Collection[Path]) -> None:
        """Make the folder and record what was asked for, and where pilots may work.

        Done already is success; where a client in another environment starts it again, its folders
        are recorded besides.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        record = self.folder / "request.json"
        known = self.work_dirs()
        if record.exists() and known.issuperset(work_dirs):
            return
        size = asdict(request.spec.resources)
        plain = {
            "format": FORMAT,
            "created": request.created.astimezone(UTC).isoformat(),
            "pilots": request.pilots,
            "resources": size,
            "grace": request.spec.grace,
            "work_dirs": sorted(str(each) for each in known.union(work_dirs)),
        }
        descriptor, draft = tempfile.mkstemp(prefix=".request-", dir=self.folder)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(plain, file)
        Path(draft).replace(record)

    @property
    def cancelled(self) -> Path:
        """The file whose being there says that nothing starts any more."""
        return self.folder / "cancelled"

    def seat(self, index: int) -> Seat:
        """Return the seat of that index."""
        return Seat(self.folder / f"pilot.{index}", self.id, index)

    def seats(self) -> list[Seat]:
        """Return the claimed seats, in order."""
        indices = [
            entry.name.removeprefix("pilot.")
            for entry in self.folder.iterdir()
            if entry.name.startswith("pilot.")
        ]
        found = [self.seat(int(index)) for index in indices if index.isdecimal()]
        return sorted((seat for seat in found if seat.claimed()), key=lambda seat: seat.index)

    def new_draft(self, index: int) -> str:
        """Return the prefix of drafts for that seat."""
        return f"{_DRAFT}{index}-"

    def clear_drafts(self, index: int | None = None) -> None:
        """Remove what prepared pilots left: of one seat, which is claimed, or of all.

        Each is renamed first, so that either its starter claims it whole or finds it gone.
        """
        prefix = _DRAFT if index is None else self.new_draft(index)
        for draft in list(self.folder.glob(f"{prefix}*")):
            grave = self.folder / f".gone-{draft.name}"
            with suppress(FileNotFoundError):
                draft.rename(grave)
        for grave in list(self.folder.glob(".gone-*")):
            shutil.rmtree(grave, ignore_errors=True)

    def asked(self) -> dict[str, Any]:
        """Return what prepare() recorded, nothing if it was cut off; ValueError if damaged."""
        try:
            plain = json.loads((self.folder / "request.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        if not isinstance(plain, dict) or plain.get("format") != FORMAT:
            raise ValueError(f"{self.folder / 'request.json'} is of a format not known here")
        return plain

    def work_dirs(self) -> set[Path]:
        """Return the folders below which its pilots may have made theirs; empty if not recorded."""
        try:
            return {Path(each) for each in self.asked().get("work_dirs", ())}
        except (OSError, ValueError, TypeError):
            return set()

    def resources(self) -> Resources:
        """Return the size of one pilot as asked for."""
        return Resources(**self.asked().get("resources", {}))

    def see(self) -> SeenRequest:
        """Return the request as its folder, its processes and its logs show it."""
        if not self.exists():
            raise NotFoundError(f"host: there is no request {self.id}")
        asked, seats = self.asked(), self.seats()
        pilots = tuple(seat.see() for seat in seats)
        whose = [who for seat in seats if (who := seat.identity())]
        state = self._state(pilots, int(asked.get("pilots", 1)))
        return SeenRequest(
            self.id,
            state,
            remote_id=",".join(str(who.pid) for who in whose),
            reason=self._reason(state, pilots),
            created=datetime.fromisoformat(asked["created"]) if asked else None,
            started=_first_time([seat.folder / "process" for seat in seats]),
            ended=_last_time([seat.log for seat in seats]) if state is RequestState.ENDED else None,
            pilots=pilots,
            facts={"machine": ",".join(sorted({who.node for who in whose}))},
        )

    def _state(self, pilots: tuple[SeenPilot, ...], wanted: int) -> RequestState:
        over = (PilotState.ENDED, PilotState.NEVER_JOINED, PilotState.LOST)
        if any(pilot.state not in over for pilot in pilots):
            return RequestState.RUNNING
        if self.cancelled.exists() or len(pilots) >= wanted:
            return RequestState.ENDED
        return RequestState.INTENDED

    def _reason(self, state: RequestState, pilots: tuple[SeenPilot, ...]) -> str:
        if state is RequestState.INTENDED:
            return f"its start was cut off; remove it with: glidein stop {self.id}"
        told = sorted({pilot.detail for pilot in pilots if pilot.detail})
        if self.cancelled.exists() and state is RequestState.ENDED:
            told = ["stopped", *(each for each in told if not each.startswith("ended without"))]
        return "; ".join(told)


def _first_time(paths: list[Path]) -> datetime | None:
    return min(_times(paths), default=None)


def _last_time(paths: list[Path]) -> datetime | None:
    return max(_times(paths), default=None)


def _times(paths: list[Path]) -> list[datetime]:
    found = []
    for path in paths:
        with suppress(FileNotFoundError):
            found.append(datetime.fromtimestamp(path.stat().st_mtime, UTC))
    return found

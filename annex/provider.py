"""The batch provider: requests as batch jobs, for every dialect and over every transport.

Each call is one step on the far side (annex/far), whatever the number of requests. What is known of
a request lies there in its own place, so a client that remembers nothing lists, cancels and adopts.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path

from annex import batchjob, seeing, steps
from annex.dialect import Dialect
from annex.steps import File
from annex.transport import Said, Transport
from glidein.errors import ConfigError, NotFoundError, RejectedError, RenderError
from glidein.model import (
    Finding,
    Listing,
    Offer,
    PilotSpec,
    Request,
    SeenRequest,
    checked_request_id,
)

_SUBMIT, _LOOK, _LOGS = 120.0, 120.0, 120.0
_UPLOAD = 1800.0  # a runtime of 17 MB, over a line of 10 kB/s
_LEAVE = 150.0  # beyond the grace: how long Slurm may take to end what does not end by itself
_MOST_TOKEN = 32768


class BatchProvider:
    """A batch system: `dialect` knows its words, `transport` the way to it."""

    def __init__(self, name: str, dialect: Dialect, transport: Transport) -> None:
        self.name = name
        self._dialect = dialect
        self._transport = transport

    def offer(self, spec: PilotSpec) -> Offer:
        """Say what the batch system could start for that spec, were its turn now."""
        answer = self._step("offer", seconds=_LOOK)
        return self._dialect.offer(spec, answer)

    def facts(self) -> Mapping[str, str]:
        """Return what the batch system says of its queues, in sections as its script prints."""
        return self._step("facts", seconds=_LOOK)

    def check(self) -> tuple[Finding, ...]:
        """Say in words what works there."""
        answer = self._step("check", seconds=_LOOK)
        return self._dialect.check(answer, self._transport.where)

    def prepare(self, sha256: str) -> Mapping[str, str]:
        """Return what is to be known before a request is sent, in sections; starts nothing.

        Beside facts(): whether the runtime of that checksum is there, where runtimes lie, and room.
        """
        return self._step("prepare", sha256, seconds=_LOOK)

    def launch(self, request: Request, token: Path, blob: Path | None = None) -> str:
        """Submit the request as one batch job; return that one's id.

        `blob` is a runtime that goes along, to lie there under the request's runtime's checksum.
        """
        identifier = checked_request_id(request.id)
        try:
            laid = self._dialect.files(request)
        except RenderError as error:
            raise ConfigError.one("request", str(error)) from error
        laid = {**laid, "token": File(_secret(token)), "request": File(_told(request))}
        answer = self._step(
            "submit", identifier, laid=laid, seconds=_UPLOAD if blob else _SUBMIT, blob=blob,
            sha256=request.runtime.sha256 if request.runtime and blob else "",
        )  # fmt: skip
        return answer["submitted"].strip()

    def list(self) -> Listing:
        """Return every request that has a place or a batch job there."""
        answer = self._step("look", seconds=_LOOK)
        if "end" not in answer:
            return Listing(False, (), f"{self.name}: the answer was cut off")
        view = self._dialect.read(answer)
        there = seeing.places(answer.get("places", ""), answer.get("pilots", ""))
        jobs = batchjob.by_name(view.jobs)
        seen = seeing.every(there, jobs, _ours, sure=not view.why)
        dark = [f"{each.id} cannot be read" for each in there.values() if each.unreadable]
        why = "; ".join(filter(None, [view.why, *dark]))
        return Listing(not why, seen, why)

    def see(self, request_id: str) -> SeenRequest:
        """Return one request. Raises NotFoundError for one that is not known there."""
        seen = self.list().find(checked_request_id(request_id))
        if seen is None:
            raise NotFoundError(f"{self.name}: there is no request {request_id}")
        return seen

    def cancel(self, request_id: str, *, fast: bool = False) -> None:
        """End the request's batch job and remove what it left but its logs."""
        identifier = checked_request_id(request_id)
        self._step("cancel", identifier, "1" if fast else "0", seconds=_LEAVE + 3600)

    def logs(self, request_id: str) -> dict[int, str]:
        """Return what each pilot printed; where it was restarted, its last life."""
        identifier = checked_request_id(request_id)
        answer = self._step("logs", identifier, seconds=_LOGS)
        if "found" not in answer:
            raise NotFoundError(f"{self.name}: there is no request {request_id}")
        printed = {name: body for name, body in answer.items() if name.startswith("log ")}
        return seeing.logs({name: _text(body) for name, body in printed.items()})

    def close(self) -> None:
        """End the connection, where there is one; the next call makes another."""
        self._transport.close()

    def forget(self, request_id: str) -> None:
        """Remove a request's place with its logs; the caller knows that it ended."""
        self._step("forget", checked_request_id(request_id), seconds=_LOOK)

    def _step(
        self,
        verb: str,
        *words: str,
        seconds: float,
        laid: Mapping[str, File] | None = None,
        blob: Path | None = None,
        sha256: str = "",
    ) -> Mapping[str, str]:
        mark = f"GLIDEIN-ANSWER-{secrets.token_hex(8)}"
        text = steps.step(self._dialect.name, mark, verb, *words, laid=laid, blob=sha256)
        said = self._transport.step(text, seconds, blob)
        if said.status != 0:
            raise self._failure(verb, said, words)
        return steps.sections(mark, said.out)

    def _failure(self, verb: str, said: Said, words: tuple[str, ...]) -> Exception:
        about = f" of request {words[0]}" if words else ""
        what = f"{self.name}: the {verb}{about} on {self._transport.where} failed"
        if said.status == steps.SYSTEM:
            return self._dialect.refusal(said.err, what)
        if said.status == steps.CANCELLED:
            return RejectedError(f"{self.name}: {said.err.strip()}; make a new one")
        return steps.failure(said.status, said.err, what)


def _ours(name: str) -> bool:
    """Whether a batch job's name is one of our ids, as we make them."""
    return name[:1] == "g" and name[1:9].isdecimal() and name.count("-") == 2


def _secret(token: Path) -> bytes:
    try:
        secret = token.read_bytes()
    except OSError as error:
        raise ConfigError.one("token", f"{token} cannot be read: {error.strerror}") from error
    if not secret.strip() or len(secret) > _MOST_TOKEN:
        raise ConfigError.one("token", f"{token} holds no token")
    return secret


def _told(request: Request) -> bytes:
    """Return what the place itself remembers, for a client that has no ledger."""
    plain = {
        "format": 1,
        "created": request.created.astimezone(UTC).isoformat(),
        "pilots": request.pilots,
        "grace": request.spec.grace,
    }
    return json.dumps(plain, separators=(",", ":")).encode()


def _text(body: str) -> str:
    return base64.b64decode(body).decode(errors="replace")

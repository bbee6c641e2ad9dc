"""A pilot in the foreground: its lines shown as they come, signals passed on."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from glidein import report
from glidein.host.folder import Seat
from glidein.host.provider import HostProvider

_PAUSE = 0.1
_WATCHDOG = 12.0  # seconds; the payload promises to be gone within ten
_LOST = 1  # what we end with when a pilot died without a report


class Tail:
    """What a growing file has gained since the last look, in whole lines."""

    def __init__(self, seat: Seat) -> None:
        self._path = seat.log
        self._at = 0

    def lines(self, *, rest: bool = False) -> Iterator[str]:
        """Yield the lines that came; with `rest` also a last one without an end."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                gained = file.read()
        except FileNotFoundError:
            return
        if not rest:
            gained = gained[: gained.rfind(b"\n") + 1]
        self._at += len(gained)
        yield from gained.decode(errors="replace").splitlines()


class Signals:
    """Counts the signals that ask us to end, instead of dying of them."""

    def __init__(self) -> None:
        self.count = 0

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Count within; the handlers before come back at the end."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._hear) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def follow(
    provider: HostProvider,
    request_id: str,
    heard: Signals,
    show: Callable[[str], None],
    notice: Callable[[str], None],
) -> int:
    """Show what the request's pilot prints until it ended; return its exit code.

    SIGINT, SIGTERM and SIGHUP ask the pilot to drain; once more, and it ends its jobs at once.
    """
    seat = provider.seats(request_id)[0]
    who = seat.identity()
    tail = Tail(seat)
    told = 0
    while who is not None and who.alive():
        for line in tail.lines():
            show(line)
        if heard.count > told:
            told = heard.count
            who.signal(signal.SIGTERM)
            notice(_words(told))
        time.sleep(_PAUSE)
    # Killed itself, its watchdog still ends its daemons and tells the story.
    until = time.monotonic() + _WATCHDOG
    while not report.reports(seat.printed()) and time.monotonic() < until:
        time.sleep(_PAUSE)
    for line in tail.lines(rest=True):
        show(line)
    if not report.reports(seat.printed()):
        notice("the pilot ended without a report: it was killed with all that belonged to it")
    if who is not None:
        with suppress(ChildProcessError):
            os.waitpid(who.pid, os.WNOHANG)
    return _exit_code(seat)


def _words(told: int) -> str:
    if told == 1:
        return "asked the pilot to leave: running jobs may go on for their grace; again: at once"
    return "asked the pilot to leave at once"


def _exit_code(seat: Seat) -> int:
    """Return how the pilot says that it ended."""
    told = report.reports(seat.printed())
    code = told[-1].get("exit_code") if told else None
    return code if isinstance(code, int) and 0 <= code < 256 else _LOST

"""A person at a real terminal who reads what a command shows there, and types."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


class Person:
    """Runs tests/annex/ssh/command.py on a terminal of its own."""

    def __init__(self, words: list[str], env: Mapping[str, str]) -> None:
        self._line, theirs = pty.openpty()
        self._out, out = os.pipe()
        session = ["/usr/bin/setsid", "--ctty", "--wait"]
        command = [sys.executable, "-m", "tests.annex.ssh.command", str(out), *words]
        self._child = subprocess.Popen(
            [*session, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, **env},
            pass_fds=[out],
            cwd=Path(__file__).parents[3],
        )
        os.close(theirs)
        os.close(out)
        self.shown = ""

    def sees(self, text: str, seconds: float = 20) -> None:
        """Wait until a text is shown that was not seen yet."""
        until = time.monotonic() + seconds
        while text not in self.shown:
            left = until - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError(f"{text!r} was not shown, but:\n{self.shown}")
        self.shown = self.shown.partition(text)[2]

    def types(self, text: str) -> None:
        """Type a line."""
        os.write(self._line, text.encode() + b"\n")

    def gets(self, seconds: float = 30) -> list[dict[str, Any]]:
        """Return what the command made of its steps, once it has ended."""
        until = time.monotonic() + seconds
        while self._child.poll() is None:
            self._read(0.05)
            assert time.monotonic() < until, self.shown
        while self._read(0):
            pass
        with os.fdopen(os.dup(self._out)) as told:
            return [json.loads(line) for line in told]

    def interrupts(self) -> None:
        """Press Ctrl-C."""
        os.write(self._line, b"\x03")

    def can_see_what_is_typed(self) -> bool:
        """Whether the terminal echoes."""
        return bool(termios.tcgetattr(self._line)[3] & termios.ECHO)

    def leave(self) -> None:
        """Go, and end what still runs."""
        if self._child.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self._child.pid, signal.SIGKILL)
        os.close(self._line)
        os.close(self._out)
        self._child.wait()

    def _read(self, seconds: float) -> bool:
        if not select.select([self._line], [], [], seconds)[0]:
            return False
        try:
            piece = os.read(self._line, 4096)
        except OSError:
            return False
        self.shown += piece.decode(errors="replace")
        return bool(piece)

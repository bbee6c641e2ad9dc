"""relay.py NEAR FAR FILE: a link with delay and loss between two bridges: two taps and this loop.

FILE holds the one-way delay in milliseconds and the loss in per cent; it is read again when it
changes. Kernels without netem have no other way.
"""

import collections
import fcntl
import os
import random
import select
import struct
import sys
import time
from pathlib import Path

TUNSETIFF, TAP, NO_HEADER = 0x400454CA, 0x0002, 0x1000


def tap(name: str) -> int:
    """Make a tap device and return its descriptor."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP | NO_HEADER))
    return descriptor


class Link:
    """Frames under way between the two ends."""

    def __init__(self, near: str, far: str, file: Path) -> None:
        ends = tap(near), tap(far)
        self.other = dict(zip(ends, reversed(ends), strict=True))
        self.file = file
        self.delay = self.loss = 0.0
        self.looked = self.changed = 0.0
        self.under_way: collections.deque[tuple[float, int, bytes]] = collections.deque()

    def settings(self) -> None:
        """Read the file if it changed; a look every tenth of a second is enough."""
        now = time.monotonic()
        if now - self.looked < 0.1:
            return
        self.looked = now
        changed = self.file.stat().st_mtime
        words = self.file.read_text().split() if changed != self.changed else []
        if len(words) == 2:
            self.changed = changed
            self.delay, self.loss = float(words[0]) / 1000, float(words[1]) / 100

    def take(self, end: int) -> None:
        """Take in what arrived at one end."""
        while True:
            try:
                frame = os.read(end, 65536)
            except OSError:
                return
            if random.random() >= self.loss:  # noqa: S311 - it only loses frames
                self.under_way.append((time.monotonic() + self.delay, self.other[end], frame))

    def give(self) -> float:
        """Hand over what is due, and return the seconds until more is."""
        while self.under_way and self.under_way[0][0] <= time.monotonic():
            _, end, frame = self.under_way.popleft()
            try:
                os.write(end, frame)
            except OSError:
                continue
        if not self.under_way:
            return 0.1
        return max(0.0, min(0.1, self.under_way[0][0] - time.monotonic()))

    def run(self) -> None:
        """Relay until killed."""
        while True:
            self.settings()
            for end in select.select(list(self.other), [], [], self.give())[0]:
                self.take(end)


if __name__ == "__main__":
    Link(sys.argv[1], sys.argv[2], Path(sys.argv[3])).run()

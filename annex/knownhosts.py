"""Known hosts: what ssh's known_hosts files say of a host's key. Pure.

A line that cannot be read says nothing, as for the ssh program; no text raises.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

AUTHORITY, REVOKED = "@cert-authority", "@revoked"


class Verdict(StrEnum):
    """What the files say of a key that a host shows."""

    SAME = "same"
    CHANGED = "changed"
    NEW = "new"
    REVOKED = "revoked"
    BY_AUTHORITY = "by authority"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file: whose key it tells, and where it stands."""

    where: str
    marker: str
    names: str
    keytype: str
    key: bytes

    def is_of(self, name: str) -> bool:
        """Whether the line speaks of that name, already written as the files write it."""
        if self.names.startswith("|"):
            return _hashed(self.names, name)
        found = False
        for pattern in self.names.lower().split(","):
            if _like(pattern.removeprefix("!"), name):
                if pattern.startswith("!"):
                    return False
                found = True
        return found


@dataclass(frozen=True, slots=True)
class Known:
    """The lines of all files, in their order."""

    lines: tuple[Line, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[tuple[str, str]]) -> "Known":
        """Read (name of the file, its text) pairs."""
        return cls(tuple(line for name, text in texts for line in _read(name, text)))

    def about(self, host: str, port: int = 22) -> tuple[Line, ...]:
        """Return the lines that speak of the host at that port."""
        name = written(host, port)
        return tuple(line for line in self.lines if line.is_of(name))

    def types(self, host: str, port: int = 22) -> tuple[str, ...]:
        """Return the types of the host's keys that are known, in the files' order."""
        found = [line.keytype for line in self._keys(host, port)]
        return tuple(dict.fromkeys(found))

    def judge(self, host: str, port: int, keytype: str, key: bytes) -> Verdict:
        """Say what the files make of that key.

        As for ssh, a key told for the host without its port will do, and a key of another type
        than those known is new. A revoked key is refused whatever else is said of it.
        """
        if self.revoking(host, port, key):
            return Verdict.REVOKED
        known = self._keys(host, port)
        if any(line.key == key for line in known):
            return Verdict.SAME
        if self.other(host, port, keytype, key):
            return Verdict.CHANGED
        if self.by_authority(host, port) and not known:
            return Verdict.BY_AUTHORITY
        return Verdict.NEW

    def other(self, host: str, port: int, keytype: str, key: bytes) -> Line | None:
        """Return the line that tells another key of that type for exactly this host and port."""
        for line in self.about(host, port):
            if not line.marker and line.keytype == keytype and line.key != key:
                return line
        return None

    def revoking(self, host: str, port: int, key: bytes) -> Line | None:
        """Return the line that revokes that key for the host."""
        for line in self._all(host, port):
            if line.marker == REVOKED and line.key == key:
                return line
        return None

    def by_authority(self, host: str, port: int) -> bool:
        """Whether an authority vouches for the host; only the ssh program can check that."""
        return any(line.marker == AUTHORITY for line in self._all(host, port))

    def _keys(self, host: str, port: int) -> list[Line]:
        return [line for line in self._all(host, port) if not line.marker]

    def _all(self, host: str, port: int) -> tuple[Line, ...]:
        there = self.about(host, port)
        return there if port == 22 else there + self.about(host, 22)


def written(host: str, port: int) -> str:
    """Return the name of a host as the files write it."""
    return host.lower() if port == 22 else f"[{host.lower()}]:{port}"


def line(host: str, port: int, keytype: str, key: bytes) -> str:
    """Return the line that tells a host's key."""
    return f"{written(host, port)} {keytype} {base64.b64encode(key).decode()}\n"


def fingerprint(key: bytes) -> str:
    """Return a key's fingerprint as ssh shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _read(name: str, text: str) -> Iterator[Line]:
    for number, written_line in enumerate(text.split("\n"), 1):
        words = re.split(r"[ \t]+", written_line.strip(" \t\r"))
        marker = words.pop(0) if words[0].startswith("@") else ""
        if marker not in ("", AUTHORITY, REVOKED) or len(words) < 3 or words[0].startswith("#"):
            continue
        names, keytype, encoded = words[:3]
        key = _decoded(encoded)
        if key and _type_of(key) == keytype:
            yield Line(f"{name}:{number}", marker, names, keytype, key)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _type_of(key: bytes) -> str:
    """Return the type that a key says of itself: a length, then that many letters."""
    return key[4 : 4 + int.from_bytes(key[:4], "big")].decode("ascii", "replace")


def _hashed(names: str, name: str) -> bool:
    parts = names.split("|")
    if len(parts) != 4 or parts[:2] != ["", "1"]:
        return False
    salt, digest = _decoded(parts[2]), _decoded(parts[3])
    made = hmac.new(salt, name.encode("utf-8", "surrogateescape"), hashlib.sha1).digest()
    return bool(digest) and hmac.compare_digest(made, digest)


def _like(pattern: str, name: str) -> bool:
    """Whether the name matches a pattern in which only * and ? are special."""
    if not re.search(r"[*?]", pattern):
        return pattern == name
    parts = (re.escape(part).replace(r"\?", ".") for part in re.split(r"\*+", pattern))
    return re.fullmatch(".*".join(parts), name, re.DOTALL) is not None

"""The user's known_hosts files: what is known of a host's keys. Pure; sshd(8) says the format.

Read here and not by paramiko, which stops at lines it does not know. A line that nobody can read
is passed over, as OpenSSH does.
"""

import base64
import binascii
import fnmatch
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_MARKERS = ("@cert-authority", "@revoked")


class Verdict(StrEnum):
    """What the files say of a key that a host showed."""

    SAME = "same"
    NEW = "new"
    CHANGED = "changed"
    REVOKED = "revoked"
    AUTHORITY = "authority"  # nothing but a certificate authority's key is known for this host


@dataclass(frozen=True, slots=True)
class Entry:
    """A line: which hosts it is for, its marker, the key's type and the key; where it stands."""

    hosts: str
    marker: str
    kind: str
    key: bytes
    where: str

    def is_for(self, name: str) -> bool:
        """Whether the line is for a host, named as known_hosts names it: HOST or [HOST]:PORT."""
        if self.hosts.startswith("|1|"):
            return _hashed(self.hosts, name)
        patterns = self.hosts.split(",")
        wanted = name.lower()
        if any(each[:1] == "!" and _matches(each[1:], wanted) for each in patterns):
            return False
        return any(_matches(each, wanted) for each in patterns if each[:1] != "!")


@dataclass(frozen=True, slots=True)
class Known:
    """All entries of some known_hosts files."""

    entries: tuple[Entry, ...]

    def kinds(self, name: str) -> tuple[str, ...]:
        """Return the key types known for a host, so that it is asked for one of them first."""
        plain = (each.kind for each in self.entries if not each.marker and each.is_for(name))
        return tuple(dict.fromkeys(plain))

    def judge(self, name: str, kind: str, key: bytes) -> tuple[Verdict, str]:
        """Return what is known of a key that a host showed, and where the line about it stands.

        A revoked key is refused for every host that its line is for, whatever else is known.
        """
        ours = [each for each in self.entries if each.is_for(name)]
        for entry in ours:
            if entry.marker == "@revoked" and entry.key == key:
                return Verdict.REVOKED, entry.where
        plain = [each for each in ours if not each.marker]
        for entry in plain:
            if entry.key == key:
                return Verdict.SAME, entry.where
        if plain:
            same_kind = [each for each in plain if each.kind == kind]
            return Verdict.CHANGED, (same_kind or plain)[0].where
        authority = [each for each in ours if each.marker == "@cert-authority"]
        return (Verdict.AUTHORITY, authority[0].where) if authority else (Verdict.NEW, "")


def read(files: Iterable[tuple[str, str]]) -> Known:
    """Read files, each a name for messages and its text."""
    found = [
        entry
        for name, text in files
        for number, line in enumerate(text.split("\n"), 1)
        if (entry := _entry(line, f"{name}:{number}"))
    ]
    return Known(tuple(found))


def line(name: str, kind: str, key: bytes) -> str:
    """Return the line that makes a host's key known."""
    return f"{name} {kind} {base64.b64encode(key).decode()}\n"


def fingerprint(key: bytes) -> str:
    """Return a key's fingerprint as ssh-keygen -l and every help page show it."""
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode()
    return f"SHA256:{digest.rstrip('=')}"


def _entry(text: str, where: str) -> Entry | None:
    words = text.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0] in _MARKERS else ""
    if len(words) < 3 or words[0].startswith("@"):
        return None
    try:
        key = base64.b64decode(words[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    return Entry(words[0], marker, words[1], key, where)


def _hashed(hosts: str, name: str) -> bool:
    """Whether a hashed line is for a host: |1|SALT|HMAC-SHA1 of the name under the salt."""
    try:
        _, _, salt, digest = hosts.split("|")
        wanted = hmac.new(base64.b64decode(salt), name.lower().encode(), hashlib.sha1).digest()
        return hmac.compare_digest(wanted, base64.b64decode(digest))
    except (binascii.Error, ValueError):
        return False


def _matches(pattern: str, name: str) -> bool:
    """Whether a pattern with * and ? is for a name; brackets stand for themselves."""
    escaped = re.sub(r"\[", "[[]", pattern.lower())
    return fnmatch.fnmatchcase(name, escaped)

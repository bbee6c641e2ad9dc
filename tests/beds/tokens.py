"""IDTOKENS signed by hand, with the pool's own key or another: what no tool would make.

HTCondor signs with HMAC-SHA256 under a key it derives from the pool's password file by HKDF.
"""

import base64
import hashlib
import hmac
import json
import time

from glidein.throwaway import ThrowawayPool

_SCRAMBLE = bytes.fromhex("deadbeef")


def signed(pool: ThrowawayPool, **claims: int | str) -> str:
    """A pilot's token of gltest1, signed by the pool's key.

    exp, iat and nbf are given in seconds from now; other claims replace what stands there.
    """
    head, body, _ = pool.token("gltest1").split(".")
    stated = json.loads(_decode(body))
    now = int(time.time())
    for name, value in claims.items():
        stated[name] = now + value if isinstance(value, int) else value
    return _sign(head, _encode(json.dumps(stated).encode()), _pool_key(pool))


def unsigned(**claims: int | str) -> str:
    """A token in form, which no pool would accept: nobody signed it. Times as in signed()."""
    now = int(time.time())
    stated = {"sub": "user@pool", "iss": "pool", "exp": 3600} | claims
    body = {name: now + value if isinstance(value, int) else value
            for name, value in stated.items()}  # fmt: skip
    parts = ({"alg": "HS256", "kid": "POOL"}, body)
    return ".".join([*(_encode(json.dumps(part).encode()) for part in parts), _encode(b"nobody")])


def resigned(token: str, password: bytes) -> str:
    """The same token, signed by the key of another pool."""
    head, body, _ = token.split(".")
    return _sign(head, body, _derive(password))


def _sign(head: str, body: str, key: bytes) -> str:
    digest = hmac.new(key, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{_encode(digest)}"


def _pool_key(pool: ThrowawayPool) -> bytes:
    kept = (pool.folder / "passwords.d" / "POOL").read_bytes()
    plain = bytes(byte ^ _SCRAMBLE[i % 4] for i, byte in enumerate(kept))
    plain = plain.split(b"\0")[0]
    return _derive(plain + plain)


def _derive(password: bytes) -> bytes:
    """HKDF-SHA256 of RFC 5869, one block."""
    extracted = hmac.new(b"htcondor", password, hashlib.sha256).digest()
    return hmac.new(extracted, b"master jwt\x01", hashlib.sha256).digest()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

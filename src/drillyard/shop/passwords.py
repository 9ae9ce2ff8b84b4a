"""
Passwords as they are stored: scrypt with a salt of their own, parameters beside the hash.

N=2^14, r=8, p=1 takes about 40 ms and 16 MB (RFC 7914); it runs in a thread, so that others are served meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets

_N, _R, _P = 2**14, 8, 1
_BYTES = 32


def hash_password(password: str, salt: bytes | None = None) -> str:
    """`scrypt$N$r$p$salt$hash`, both in hex."""
    salt = secrets.token_bytes(16) if salt is None else salt
    return f"scrypt${_N}${_R}${_P}${salt.hex()}${_digest(password, salt, _N, _R, _P).hex()}"


def matches(password: str, stored: str) -> bool:
    """Whether the password is the one that was stored. False for a stored text that is no hash of ours."""
    try:
        scheme, n, r, p, salt, digest = stored.split("$")
        if scheme != "scrypt":
            return False
        found = _digest(password, bytes.fromhex(salt), int(n), int(r), int(p))
        return hmac.compare_digest(found, bytes.fromhex(digest))
    except ValueError:
        return False


async def hash_in_thread(password: str) -> str:
    """hash_password without holding up the loop."""
    return await asyncio.to_thread(hash_password, password)


async def matches_in_thread(password: str, stored: str) -> bool:
    """matches without holding up the loop."""
    return await asyncio.to_thread(matches, password, stored)


def _digest(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=64 << 20, dklen=_BYTES)

"""
Ids as the original's stores gave them: 24 lower-case hex digits, ascending within a process.

The first 8 digits are the Unix second, so that an id tells when it was made.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
import time

_PATTERN = re.compile(r"[0-9a-f]{24}")


class ObjectIds:
    """Makes ids; two processes do not meet because each has five random bytes of its own."""

    def __init__(self) -> None:
        self._machine = os.urandom(5).hex()
        self._count = itertools.count(secrets.randbelow(1 << 23))
        self._second = 0

    def __call__(self) -> str:
        # A clock set back must not make ids descend.
        self._second = max(self._second, int(time.time()))
        return f"{self._second:08x}{self._machine}{next(self._count) & 0xFFFFFF:06x}"


def is_object_id(text: str) -> bool:
    """Whether the text has the shape of an id, in either case of letters."""
    return _PATTERN.fullmatch(text.lower()) is not None

"""
Page cursors: where the next page begins, and the window it was cut from.

The window is frozen in the cursor, so that `now` means the same on every page; a cursor belongs to its query and is
refused with another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

import orjson

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.logs.record_store import Window


class CursorError(DrillyardError):
    """A cursor that is damaged or belongs to another query."""


@dataclass(frozen=True)
class Cursor:
    """`key` is that of the last record shown."""

    key: int
    window: Window

    def encode(self, question: str) -> str:
        """Opaque text for a client; `question` is everything that must stay the same."""
        parts = [self.key, self.window.from_ms, self.window.to_ms, _digest(question)]
        return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def decode(text: str, question: str) -> Cursor:
    """Raises CursorError."""
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        key, from_ms, to_ms, digest = parts
        if not all(isinstance(part, int) for part in (key, from_ms, to_ms)):
            raise ValueError("not numbers")
    except (ValueError, TypeError, binascii.Error) as wrong:
        raise CursorError("The page cursor is damaged.") from wrong
    if digest != _digest(question):
        raise CursorError("The page cursor belongs to another query. Keep query, time and sort the same on every page.")
    return Cursor(key, Window(from_ms, to_ms))


def _digest(question: str) -> str:
    return hashlib.blake2b(question.encode(errors="replace"), digest_size=8).hexdigest()

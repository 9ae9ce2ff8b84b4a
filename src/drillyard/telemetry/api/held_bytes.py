"""
How much of what clients send is in memory at once, over all requests, packed and unpacked.

A hundred small gzipped bodies that unpack to 20 MB each would otherwise take gigabytes before the first is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drillyard.telemetry.api.answers import ApiError

HELD_MAX = 64 * 1024 * 1024
SCOPE_KEY = "drillyard.hold"
"""Where a request's `hold` is found in its ASGI scope."""

Hold = Callable[[int], None]


class HeldBytes:
    """Counts for all requests of one server."""

    def __init__(self, most: int = HELD_MAX) -> None:
        self._most = most
        self._held = 0

    @contextmanager
    def of_request(self) -> Iterator[Hold]:
        """Gives a function that counts bytes as held until the block ends; it raises ApiError 503 beyond the limit."""
        mine = 0

        def hold(count: int) -> None:
            nonlocal mine
            if self._held + count > self._most:
                raise ApiError(503, "Too much is being taken in at once. Send again later.", {"Retry-After": "1"})
            mine += count
            self._held += count

        try:
            yield hold
        finally:
            self._held -= mine

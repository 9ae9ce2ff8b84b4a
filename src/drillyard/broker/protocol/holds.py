"""
Holds: why a client is not read at the moment. Frames that follow wait until every reason is released.

What is not read fills the client's socket, and so it waits too: that is the whole back-pressure on publishers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Holds:
    """`reasons` is empty while the client is read. `go_on` is called in the turn of the loop after the last release."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, go_on: Callable[[], None]
    ) -> None:
        self.reasons: set[str] = set()
        self._loop = loop
        self._transport = transport
        self._go_on = go_on
        self._scheduled = False

    def add(self, reason: str) -> None:
        if not self.reasons and not self._transport.is_closing():
            self._transport.pause_reading()
        self.reasons.add(reason)

    def release(self, reason: str) -> bool:
        """True when it was the last one."""
        if reason not in self.reasons:
            return False
        self.reasons.discard(reason)
        if self.reasons:
            return False
        if not self._transport.is_closing():
            self._transport.resume_reading()
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)
        return True

    def _run(self) -> None:
        self._scheduled = False
        if not self.reasons:
            self._go_on()

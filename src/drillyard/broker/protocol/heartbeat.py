"""
Heartbeats: a sign of life when nothing else was sent, and the end of a client that gives none (AMQP 0-9-1 §4.2.7).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from drillyard.broker.wire.frames import HEARTBEAT_FRAME


class Heartbeat:
    """
    Sends when nothing else was sent for half the interval; gives up on a client silent for two intervals.

    While `listening` is false the client's heartbeats wait in the socket, so that its silence is ours. The connection
    notes in `heard_at_s` and `sent_at_s` (the loop's time) when something came or went.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        listening: Callable[[], bool],
        send: Callable[[bytes], None],
        give_up: Callable[[str], None],
    ) -> None:
        self.heard_at_s = self.sent_at_s = 0.0
        self._loop = loop
        self._listening = listening
        self._send = send
        self._give_up = give_up
        self._timer: asyncio.TimerHandle | None = None

    def start(self, interval_s: int) -> None:
        """0 means none."""
        if interval_s:
            self._beat(interval_s)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self, interval_s: int) -> None:
        now_s = self._loop.time()
        if self._listening() and now_s - self.heard_at_s > 2 * interval_s:
            self._give_up(f"missed heartbeats from client, timeout: {interval_s}s")
            return
        if now_s - self.sent_at_s >= interval_s / 2 - 0.05:
            self._send(HEARTBEAT_FRAME)
        self._timer = self._loop.call_later(interval_s / 2, self._beat, interval_s)

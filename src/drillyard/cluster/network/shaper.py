"""
One direction of a proxied connection, made slow, narrow or still: chunks wait here until their time comes, in order.

Without an impairment a chunk passes straight through. What waits is bounded: the source is paused above 256 KiB.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from random import Random

from drillyard.cluster.network.link_fault import Impairment

_WAITING_MAX_BYTES = 256 * 1024
_PIECE_BYTES = 4096  # What a narrow link sends at a time.


class Shaper:
    """
    Give it chunks (`push`; None is the end of file); it gives them to `deliver`. `hold(True|False)` pauses the source.

    `delays`: latency applies in this direction. Bandwidth and stalling apply in both.
    """

    def __init__(
        self, deliver: Callable[[bytes | None], None], hold: Callable[[bool], None], random: Random, *, delays: bool
    ) -> None:
        self._deliver, self._hold, self._random, self._delays = deliver, hold, random, delays
        self._loop = asyncio.get_running_loop()
        self._impairment: Impairment | None = None
        self._waiting: deque[tuple[float, bytes | None]] = deque()
        self._waiting_bytes = 0
        self._last_due_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._held = False

    def change(self, impairment: Impairment | None) -> None:
        """From now on this holds, also for what is already waiting."""
        self._impairment = impairment
        waiting, self._waiting = self._waiting, deque()
        self._waiting_bytes, self._last_due_s = 0, 0.0
        for _, chunk in waiting:
            self._enqueue(chunk)
        self._schedule()

    def push(self, chunk: bytes | None) -> None:
        if self._impairment is None and not self._waiting:
            self._deliver(chunk)
            return
        if self._impairment is not None and self._impairment.bandwidth_kbps and chunk is not None:
            for at in range(0, len(chunk), _PIECE_BYTES):
                self._enqueue(chunk[at : at + _PIECE_BYTES])
        else:
            self._enqueue(chunk)
        self._schedule()

    def close(self) -> None:
        """Forgets what waits."""
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()
        self._waiting_bytes = 0

    def _enqueue(self, chunk: bytes | None) -> None:
        self._waiting.append((self._due_s(chunk), chunk))
        self._waiting_bytes += len(chunk or b"")

    def _due_s(self, chunk: bytes | None) -> float:
        now_s, impairment = self._loop.time(), self._impairment
        if impairment is None:
            return now_s
        if impairment.stall:
            return float("inf")
        delay_ms = 0.0
        if self._delays and impairment.latency_ms + impairment.jitter_ms > 0:
            jitter_ms = self._random.uniform(-impairment.jitter_ms, impairment.jitter_ms)
            delay_ms = max(0.0, impairment.latency_ms + jitter_ms)
        due_s = max(now_s + delay_ms / 1000, self._last_due_s)  # Jitter never reorders a stream.
        if impairment.bandwidth_kbps:
            due_s += len(chunk or b"") * 8 / (impairment.bandwidth_kbps * 1000)
        self._last_due_s = due_s
        return due_s

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and self._waiting[0][0] != float("inf"):
            self._timer = self._loop.call_at(self._waiting[0][0], self._release)
        self._balance()

    def _release(self) -> None:
        self._timer = None
        now_s = self._loop.time() + 0.0005  # The clock of the loop has that grain.
        while self._waiting and self._waiting[0][0] <= now_s:
            _, chunk = self._waiting.popleft()
            self._waiting_bytes -= len(chunk or b"")
            self._deliver(chunk)
        self._schedule()

    def _balance(self) -> None:
        too_much = self._waiting_bytes > _WAITING_MAX_BYTES
        if too_much != self._held:
            self._held = too_much
            self._hold(too_much)

"""
Threads that read, in two lanes: most searches take milliseconds, and must not queue behind some that take seconds.

Every question first has QUICK_S. One that needs more gives its place up and begins again among the slow ones, of which
few run at a time. SEARCH_S after it came it is given up, whether it ran or waited.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from drillyard.telemetry.logs.record_store import SEARCH_S, SearchTooSlow
from drillyard.telemetry.logs.search_time import searching_until

QUICK_S = 0.5
QUICK_THREADS = 4
SLOW_THREADS = 2

Answer = TypeVar("Answer")


class Readers:
    """A question only reads: it may be asked twice. Must be closed."""

    def __init__(self) -> None:
        self._quick = ThreadPoolExecutor(QUICK_THREADS, "telemetry-read")
        self._slow = ThreadPoolExecutor(SLOW_THREADS, "telemetry-slow-read")
        self._closing = False

    async def ask(self, question: Callable[[], Answer]) -> Answer:
        """Its answer. Raises what the question raises, and SearchTooSlow."""
        loop, end_s = asyncio.get_running_loop(), time.monotonic() + SEARCH_S

        def quickly() -> Answer:
            with searching_until(time.monotonic() + QUICK_S):
                return question()

        def slowly() -> Answer:
            if time.monotonic() > end_s:
                raise SearchTooSlow
            with searching_until(end_s):
                return question()

        try:
            return await loop.run_in_executor(self._quick, quickly)
        except SearchTooSlow:
            if self._closing:
                raise
        return await loop.run_in_executor(self._slow, slowly)

    def close(self) -> None:
        """Waits for what runs; what waits is dropped."""
        self._closing = True
        for lane in (self._quick, self._slow):
            lane.shutdown(cancel_futures=True)

"""
One clock for everything, always UTC, always with its zone.

Logic that waits takes a Clock, so that tests assert its waits in virtual time instead of enduring them.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Time as the code sees it: wall time for people, monotonic seconds for waits."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start; never goes backwards."""

    async def sleep(self, seconds: float) -> None:
        """Waits so many seconds of this clock's time."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class VirtualClock:
    """Time that passes only when a test says so; sleepers wake in order."""

    def __init__(self, start: datetime = datetime(2025, 11, 5, 20, 0, tzinfo=UTC)) -> None:
        self._start = start
        self.elapsed_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._count = 0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.elapsed_s)

    def monotonic_s(self) -> float:
        return self.elapsed_s

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._count += 1
        heapq.heappush(self._sleepers, (self.elapsed_s + seconds, self._count, woken))
        await woken.wait()

    async def advance(self, seconds: float) -> None:
        """Lets so many seconds pass, waking each sleeper at its moment and letting it run."""
        target = self.elapsed_s + seconds
        await _let_others_run()
        while self._sleepers and self._sleepers[0][0] <= target:
            self.elapsed_s, _, woken = heapq.heappop(self._sleepers)
            woken.set()
            await _let_others_run()
        self.elapsed_s = target


async def _let_others_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def rfc3339(moment: datetime) -> str:
    """`2025-11-05T20:03:55.123Z`: UTC with milliseconds. Raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"

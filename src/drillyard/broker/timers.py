"""
Moments at which something is due, in one heap instead of one timer each.

A broker may hold a hundred thousand messages that expire; each queue asks only for its earliest. Whoever owns the loop
is told when the earliest moment moved, and calls `run_due`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

Action = Callable[[], None]


class Timers:
    """Times are epoch milliseconds. `on_earlier` is called with a moment that is now the first."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._due: list[tuple[int, int, Action]] = []
        self._count = 0
        self.on_earlier: Callable[[int], None] = lambda when_ms: None

    @property
    def next_ms(self) -> int | None:
        return self._due[0][0] if self._due else None

    def call_at(self, when_ms: int, action: Action) -> None:
        self._count += 1
        heapq.heappush(self._due, (when_ms, self._count, action))
        if self._due[0][1] == self._count:
            self.on_earlier(when_ms)

    def run_due(self) -> None:
        """Runs what is due by now; an action that asks for a moment already past waits for the next call."""
        now_ms = self._now_ms()
        due: list[Action] = []
        while self._due and self._due[0][0] <= now_ms:
            due.append(heapq.heappop(self._due)[2])
        for action in due:
            action()

"""
Service checks: the last results of each, by check and tags.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

KEPT = 100
CHECKS_MAX = 10_000


class Checks:
    """Kept in memory only: a check that is alive reports again."""

    def __init__(self) -> None:
        self._results: dict[tuple[str, tuple[str, ...]], deque[int]] = {}

    def add(self, check: str, tags: tuple[str, ...], status: int) -> None:
        """One result: 0 OK, 1 warning, 2 critical, 3 unknown."""
        key = (check, tags)
        if key in self._results or len(self._results) < CHECKS_MAX:
            self._results.setdefault(key, deque(maxlen=KEPT)).append(status)

    def of(self, check: str) -> Iterator[tuple[tuple[str, ...], list[int]]]:
        """Tags and results, oldest first."""
        for (name, tags), results in list(self._results.items()):
            if name == check:
                yield tags, list(results)

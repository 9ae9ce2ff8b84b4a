"""
The messages that wait, in the order in which they first came.

Requeued messages go back to their old places, which are nearly always at the head; a deque makes both ends cheap.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Iterable, Iterator

from drillyard.broker.queues.entry import Entry


def _position(entry: Entry) -> int:
    return entry.position


class ReadyMessages:
    """Sorted by position; knows its length and the bytes of its bodies."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    @property
    def head(self) -> Entry | None:
        return self._entries[0] if self._entries else None

    def append(self, entry: Entry) -> None:
        """A new message: its position is higher than any before."""
        self._entries.append(entry)
        self.size_bytes += entry.message.size_bytes

    def pop(self) -> Entry:
        """The oldest one. Raises IndexError when there is none."""
        entry = self._entries.popleft()
        self.size_bytes -= entry.message.size_bytes
        return entry

    def put_back(self, entries: Iterable[Entry]) -> None:
        """Messages that were out, each to its old place."""
        for entry in sorted(entries, key=_position, reverse=True):
            if not self._entries or entry.position < self._entries[0].position:
                self._entries.appendleft(entry)
            elif entry.position > self._entries[-1].position:
                self._entries.append(entry)
            else:
                bisect.insort(self._entries, entry, key=_position)
            self.size_bytes += entry.message.size_bytes

    def clear(self) -> list[Entry]:
        entries = list(self._entries)
        self._entries.clear()
        self.size_bytes = 0
        return entries

"""
What the API needs of a store of records, whatever keeps them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.logs.query.nodes import Node
from drillyard.telemetry.logs.record import Record

KEY_SHIFT = 20
"""A million records per millisecond."""
TIMESTAMP_MAX_MS = 1 << 42
KEY_MAX = (1 << 63) - 2
SEARCH_S = 10.0
"""A search that takes longer is given up, so that nobody else waits for it, and before its client gives it up."""


class SearchTooSlow(DrillyardError):
    """The search was given up after SEARCH_S seconds."""

    def __init__(self) -> None:
        super().__init__(
            f"The search took longer than {SEARCH_S:.0f} s and was given up.",
            hint="Narrow the time, or add what the index knows: a service, a tag without wildcards, a word.",
        )


class StoreFull(DrillyardError):
    """The disk has no room for more; nothing of the batch was kept."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"The disk of {folder} is full: nothing was kept.", hint="Free space there and send again.")


@dataclass(frozen=True)
class Window:
    """Records from one moment to another, both inclusive, in Unix milliseconds."""

    from_ms: int
    to_ms: int

    def keys(self) -> tuple[int, int]:
        """The lowest and the highest key inside."""
        low = min(max(self.from_ms, 0), TIMESTAMP_MAX_MS)
        high = min(max(self.to_ms, -1), TIMESTAMP_MAX_MS)
        return low << KEY_SHIFT, ((high + 1) << KEY_SHIFT) - 1


@dataclass(frozen=True)
class OriginCount:
    """How many records have one set of service, host, source, status and tags, from one moment on."""

    origin: Record
    start_ms: int
    count: int


class RecordStore(Protocol):
    """What the API needs of a store. All methods may be called from several threads."""

    def add(self, records: Sequence[Record]) -> None:
        """Keeps them for good and sets their keys. Raises StoreFull."""

    def search(
        self, query: Node, window: Window, *, newest_first: bool = True, after: int | None = None
    ) -> Iterator[Record]:
        """The matching records in key order; `after` continues behind a key. Raises SearchTooSlow."""

    def count(self, query: Node, window: Window) -> int:
        """How many match. Raises SearchTooSlow."""

    def count_over_time(self, query: Node, window: Window, interval_ms: int) -> dict[int, int]:
        """How many match in each interval that has any, by its start (ms). Raises SearchTooSlow."""

    def count_by_origin(self, query: Node, window: Window, interval_ms: int | None) -> Iterator[OriginCount]:
        """The matching records by where they come from and interval. Raises SearchTooSlow."""

    def get(self, key: int) -> Record | None:
        """One record."""

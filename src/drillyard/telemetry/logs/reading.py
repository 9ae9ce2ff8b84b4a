"""
One search in the store: a borrowed connection, one view of the data, and the time it may take.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from drillyard.telemetry.logs.index.kinds import Kind
from drillyard.telemetry.logs.index.plan import ALTERNATIVES_MAX
from drillyard.telemetry.logs.query.words import ANY, glob
from drillyard.telemetry.logs.record_store import SearchTooSlow
from drillyard.telemetry.logs.search_time import deadline_s


class Lender(Protocol):
    """What a search needs of its store."""

    ending: bool

    @property
    def kinds(self) -> Sequence[Kind]:
        """All kinds of lines."""

    def lend_reader(self) -> sqlite3.Connection:
        """A connection for one search."""

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Takes it back."""


class Reading:
    """One search: a borrowed connection, and the time it may take."""

    def __init__(self, lender: Lender) -> None:
        self._lender = lender

    def __enter__(self) -> Reading:
        self._connection = self._lender.lend_reader()
        self._cursors: list[sqlite3.Cursor] = []
        self._deadline_s = deadline_s()
        self._connection.set_progress_handler(self._over, 100_000)
        # One view of the store from here on: what is planned with must be what is searched.
        self._connection.execute("BEGIN")
        self._connection.execute("SELECT key FROM record LIMIT 1").fetchone()
        return self

    def __exit__(self, *_: object) -> None:
        for cursor in self._cursors:
            cursor.close()
        self._connection.set_progress_handler(None, 0)
        self._connection.execute("ROLLBACK")
        self._lender.give_back(self._connection)

    def execute(self, sql: str, values: tuple[object, ...]) -> Iterator[Any]:
        """The rows, one by one. Raises SearchTooSlow."""
        try:
            cursor = self._connection.execute(sql, values)
            self._cursors.append(cursor)
            # Not `yield from`: that would close the cursor once more when nobody asks on, perhaps of a closed file.
            for row in cursor:  # noqa: UP028
                yield row
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise SearchTooSlow from error
            raise

    def _over(self) -> bool:
        return self._lender.ending or time.monotonic() > self._deadline_s

    def check_time(self) -> None:
        """Raises SearchTooSlow once the time is over."""
        if self._over():
            raise SearchTooSlow

    @property
    def kinds(self) -> Sequence[Kind]:
        """All kinds of lines."""
        return self._lender.kinds

    def values(self, name: str, pattern: str) -> list[str] | None:
        """The stored values that fit a pattern, None for more than ALTERNATIVES_MAX."""
        expression = glob(pattern)
        prefix = pattern.partition(ANY)[0]
        sql = "SELECT value FROM known_value WHERE name = ? AND value >= ?"
        fitting: list[str] = []
        for (value,) in self.execute(sql, (name, prefix if prefix.isascii() and "\ue001" not in prefix else "")):
            if expression.match(str(value)):
                fitting.append(str(value))
                if len(fitting) > ALTERNATIVES_MAX:
                    return None
        return fitting

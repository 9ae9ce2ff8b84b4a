"""
Where records come from: the few sets of service, host, source, status and tags that millions of lines share.

Each set is kept once and has a number; a line then needs one index word for it instead of twenty, and counting by pod
or service asks the index once a set and reads no line at all. Beyond ORIGINS_MAX sets (a client that puts order ids
into tags) further ones are not numbered: their lines are indexed value by value, larger and slower, and as exact.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import orjson

from drillyard.telemetry.logs.query.plan import indexed_pairs
from drillyard.telemetry.logs.record import Record

ORIGINS_MAX = 500
SCHEMA = "CREATE TABLE IF NOT EXISTS origin (id INTEGER PRIMARY KEY, parts BLOB NOT NULL);"
_LOOSE = 0
"""The row that says: some lines have no numbered origin."""

_Key = tuple[str, str, str, str, tuple[str, ...]]


class Origins:
    """All of a store's numbered sets. Only the store's one writer adds; everybody may ask."""

    def __init__(self) -> None:
        self._numbers: dict[_Key, int] = {}
        self._records: dict[int, Record] = {}
        self._by_pair: dict[tuple[str, str], tuple[int, ...]] = {}
        self._unsaved: list[tuple[int, bytes]] = []
        self.loose = False
        """Whether some lines have none."""

    @classmethod
    def load(cls, connection: sqlite3.Connection) -> Origins:
        """Those that are stored."""
        origins = cls()
        for number, parts in connection.execute("SELECT id, parts FROM origin ORDER BY id"):
            if number == _LOOSE:
                origins.loose = True
            else:
                service, host, source, status, tags = orjson.loads(parts)
                origins._know(number, (service, host, source, status, tuple(tags)))
        return origins

    def save(self, connection: sqlite3.Connection) -> None:
        """Stores what is new, in the transaction that is open."""
        if self._unsaved:
            connection.executemany("INSERT OR IGNORE INTO origin VALUES (?, ?)", self._unsaved)
            self._unsaved.clear()

    def number(self, record: Record) -> int | None:
        """The number of the record's set, a new one for a new set; None when there are too many."""
        key = (record.service, record.host, record.source, record.status, tuple(record.tags))
        found = self._numbers.get(key)
        if found is not None:
            return found
        if len(self._records) >= ORIGINS_MAX:
            self.set_loose()
            return None
        number = len(self._records) + 1
        self._unsaved.append((number, orjson.dumps(key)))
        self._know(number, key)
        return number

    def set_loose(self) -> None:
        """From now on some lines have no origin."""
        if not self.loose:
            self.loose = True
            self._unsaved.append((_LOOSE, b"null"))

    def _know(self, number: int, key: _Key) -> None:
        service, host, source, status, tags = key
        record = Record(0, "", service, host, source, status, list(tags))
        self._records[number] = record
        self._numbers[key] = number
        for pair in set(indexed_pairs(record)):
            self._by_pair[pair] = (*self._by_pair.get(pair, ()), number)

    def having(self, name: str, values: Iterable[str]) -> list[int]:
        """The sets in which the tag or reserved field has one of the values."""
        return sorted({number for value in values for number in self._by_pair.get((name, value), ())})

    def record(self, number: int) -> Record:
        """The set as a record without time and message. To be read only."""
        return self._records[number]

    def numbers(self) -> list[int]:
        """All of them."""
        return list(self._records)

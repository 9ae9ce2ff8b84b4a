"""
Where records are kept, and how they are found again.

What `add` has answered survives kill -9 and a power cut: it returns after SQLite's commit with `synchronous=FULL`.
Chosen by measurement (docs of the telemetry room): FTS5 needs no further wheel, commits a batch in milliseconds, and
answers "newest 50 of this service" in under one.

A record's key is `timestamp_ms << 20 | number`, so "newest first" and every time window are ranges of the key, and the
key order is the order of time and, within a millisecond, of arrival.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from drillyard.telemetry.logs.query.matcher import matches
from drillyard.telemetry.logs.query.nodes import Node
from drillyard.telemetry.logs.query.plan import ALTERNATIVES_MAX, Plan, index_text, indexed_pairs, plan
from drillyard.telemetry.logs.query.words import ANY, glob
from drillyard.telemetry.logs.record import Record, from_document
from drillyard.telemetry.logs.record_store import KEY_MAX, KEY_SHIFT, SEARCH_S, SearchTooSlow, Window

RECORDS_MAX = 2_000_000
"""Beyond it the oldest make room, PRUNED at a time."""
PRUNED = 2_000

_SCHEMA = """
BEGIN;
CREATE TABLE IF NOT EXISTS record (key INTEGER PRIMARY KEY, document BLOB NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS record_index USING fts5(message, terms, content='', tokenize="ascii tokenchars '_'");
CREATE TABLE IF NOT EXISTS known_value (name TEXT, value TEXT, PRIMARY KEY (name, value)) WITHOUT ROWID;
COMMIT;
"""


class SqliteStore:
    """RecordStore in one SQLite file."""

    def __init__(self, path: Path, records_max: int = RECORDS_MAX) -> None:
        self._path = path
        self._records_max = records_max
        self._writing = threading.Lock()
        self._writer = self._connect()
        self._writer.executescript(_SCHEMA)
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._numbers: dict[int, int] = {}
        self.ending = False
        self._seen: set[tuple[str, str]] = set()
        (self._count,) = self._writer.execute("SELECT count(*) FROM record").fetchone()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=10)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-4096")
        return connection

    def abort_searches(self) -> None:
        """Ends the running searches with SearchTooSlow, and every later one: the program is about to end."""
        self.ending = True

    def close(self) -> None:
        """Closes the file; further calls fail."""
        with self._writing, self._readers_lock:
            for connection in [*self._readers, self._writer]:
                connection.close()
            self._readers.clear()

    def add(self, records: Sequence[Record]) -> None:
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                new = self._insert(records)
                count = self._count + len(records)
                if count > self._records_max:
                    count -= self._prune()
                self._writer.execute("COMMIT")
            except BaseException:
                self._numbers.clear()
                with suppress(sqlite3.Error):
                    self._writer.execute("ROLLBACK")
                raise
            self._seen |= new
            self._count = count

    def _insert(self, records: Sequence[Record]) -> set[tuple[str, str]]:
        new: set[tuple[str, str]] = set()
        for record in records:
            record.key = self._next_key(record.timestamp_ms)
            new.update(pair for pair in indexed_pairs(record) if pair not in self._seen)
        # FTS5 flushes its buffer whenever a key is lower than the one before.
        for record in sorted(records, key=lambda record: record.key):
            self._writer.execute("INSERT INTO record VALUES (?, ?)", (record.key, orjson.dumps(record.document())))
            self._writer.execute(
                "INSERT INTO record_index (rowid, message, terms) VALUES (?, ?, ?)", (record.key, *index_text(record))
            )
        self._writer.executemany("INSERT OR IGNORE INTO known_value VALUES (?, ?)", new)
        return new

    def _prune(self) -> int:
        """Takes the oldest records out of table and index; says how many."""
        rows = self._writer.execute("SELECT key, document FROM record ORDER BY key LIMIT ?", (PRUNED,)).fetchall()
        for key, document in rows:
            texts = index_text(from_document(key, key >> KEY_SHIFT, orjson.loads(document)))
            self._writer.execute(
                "INSERT INTO record_index (record_index, rowid, message, terms) VALUES ('delete', ?, ?, ?)",
                (key, *texts),
            )
        self._writer.execute("DELETE FROM record WHERE key <= ?", (rows[-1][0],))
        return len(rows)

    def _next_key(self, timestamp_ms: int) -> int:
        if len(self._numbers) > 10_000:
            self._numbers.clear()
        number = self._numbers.get(timestamp_ms)
        if number is None:
            low, high = Window(timestamp_ms, timestamp_ms).keys()
            (last,) = self._writer.execute(
                "SELECT max(key) FROM record WHERE key BETWEEN ? AND ?", (low, high)
            ).fetchone()
            number = 0 if last is None else (last - low) + 1
        self._numbers[timestamp_ms] = number + 1
        return (timestamp_ms << KEY_SHIFT) + number

    def search(
        self, query: Node, window: Window, *, newest_first: bool = True, after: int | None = None
    ) -> Iterator[Record]:
        low, high = window.keys()
        if after is not None:
            after = max(-1, min(after, KEY_MAX))  # A client may send anything.
            low, high = (low, min(high, after - 1)) if newest_first else (max(low, after + 1), high)
        direction = "DESC" if newest_first else "ASC"
        with _Reading(self) as reader:
            planned = plan(query, reader.known)
            if planned.expression is None:
                sql = f"SELECT key, document FROM record WHERE key BETWEEN ? AND ? ORDER BY key {direction}"
                rows = reader.execute(sql, (low, high))
            else:
                # CROSS JOIN makes SQLite ask the index first; left to itself it once took 22 s for what takes 9 ms.
                sql = (
                    "SELECT key, document FROM record_index CROSS JOIN record ON key = record_index.rowid"
                    " WHERE record_index MATCH ? AND record_index.rowid BETWEEN ? AND ?"
                    f" ORDER BY record_index.rowid {direction}"
                )
                rows = reader.execute(sql, (planned.expression, low, high))
            for key, document in rows:
                record = from_document(key, key >> KEY_SHIFT, orjson.loads(document))
                if planned.exact or matches(query, record):
                    yield record
                reader.check_time()

    def count(self, query: Node, window: Window) -> int:
        with _Reading(self) as reader:
            planned = plan(query, reader.known)
            if planned.exact:
                return int(next(reader.execute(*_keys_sql(planned, window, "count(*)")))[0])
        return sum(1 for _ in self.search(query, window))

    def timestamps(self, query: Node, window: Window) -> Iterator[int]:
        with _Reading(self) as reader:
            planned = plan(query, reader.known)
            if planned.exact:
                for (key,) in reader.execute(*_keys_sql(planned, window, "rowid")):
                    yield key >> KEY_SHIFT
                return
        for record in self.search(query, window, newest_first=False):
            yield record.timestamp_ms

    def get(self, key: int) -> Record | None:
        with _Reading(self) as reader:
            for (document,) in reader.execute("SELECT document FROM record WHERE key = ?", (key,)):
                return from_document(key, key >> KEY_SHIFT, orjson.loads(document))
        return None

    def known_values(self, name: str) -> list[str]:
        with _Reading(self) as reader:
            return [value for (value,) in reader.execute("SELECT value FROM known_value WHERE name = ?", (name,))]

    def lend_reader(self) -> sqlite3.Connection:
        """A connection for one search; `give_back` returns it."""
        with self._readers_lock:
            return self._readers.pop() if self._readers else self._connect()

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Keeps the connection for the next search."""
        with self._readers_lock:
            self._readers.append(connection)


def _keys_sql(planned: Plan, window: Window, what: str) -> tuple[str, tuple[object, ...]]:
    low, high = window.keys()
    if planned.expression is None:
        return f"SELECT {what.replace('rowid', 'key')} FROM record WHERE key BETWEEN ? AND ?", (low, high)
    sql = f"SELECT {what} FROM record_index WHERE record_index MATCH ? AND rowid BETWEEN ? AND ?"
    return sql, (planned.expression, low, high)


class _Reading:
    """One search: a borrowed connection, and the time it may take."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def __enter__(self) -> _Reading:
        self._connection = self._store.lend_reader()
        self._cursor: sqlite3.Cursor | None = None
        self._deadline_s = time.monotonic() + SEARCH_S
        self._connection.set_progress_handler(self._over, 100_000)
        return self

    def __exit__(self, *_: object) -> None:
        if self._cursor:
            self._cursor.close()
        self._connection.set_progress_handler(None, 0)
        self._store.give_back(self._connection)

    def execute(self, sql: str, values: tuple[object, ...]) -> Iterator[Any]:
        """The rows, one by one. Raises SearchTooSlow."""
        try:
            self._cursor = self._connection.execute(sql, values)
            yield from self._cursor
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise SearchTooSlow from error
            raise

    def _over(self) -> bool:
        return self._store.ending or time.monotonic() > self._deadline_s

    def check_time(self) -> None:
        """Raises SearchTooSlow once the time is over."""
        if self._over():
            raise SearchTooSlow

    def known(self, name: str, pattern: str) -> list[str] | None:
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

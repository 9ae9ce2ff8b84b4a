"""
Where records are kept, and how they are found again.

What `add` has answered survives kill -9 and a power cut: it returns after SQLite's commit with `synchronous=FULL`.
Chosen by measurement (docs of the telemetry room): FTS5 needs no further wheel, commits a batch in milliseconds, and
answers "newest 50 of this service" in under one.

A record's key is `timestamp_ms << 20 | number`, so "newest first" and every time window are ranges of the key, and the
key order is the order of time and, within a millisecond, of arrival.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from drillyard.telemetry.logs.origins import SCHEMA as ORIGIN_SCHEMA
from drillyard.telemetry.logs.origins import Origins
from drillyard.telemetry.logs.query.matcher import matches
from drillyard.telemetry.logs.query.nodes import Node
from drillyard.telemetry.logs.query.plan import Plan, index_text, indexed_pairs, origin_word, plan
from drillyard.telemetry.logs.reading import Reading
from drillyard.telemetry.logs.record import Record, from_document, without_origin
from drillyard.telemetry.logs.record_store import KEY_MAX, KEY_SHIFT, OriginCount, StoreFull, Window

RECORDS_MAX = 2_000_000
"""Beyond it the oldest make room, PRUNED at a time."""
PRUNED = 2_000
FREE_MIN_BYTES = 64 * 1024 * 1024
"""With less room on the disk nothing more is taken, so that SQLite can still tidy up."""

ROWS = 200
"""Rows in one INSERT: Python's other threads run meanwhile, where a statement a row would stop at each for them."""

_SCHEMA = f"""
BEGIN;
{ORIGIN_SCHEMA}
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
        self.origins = Origins.load(self._writer)
        (self._count,) = self._writer.execute("SELECT count(*) FROM record").fetchone()
        if self._count and not self.origins.numbers():
            self.origins.set_loose()  # The file is older than the numbers.

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
        if shutil.disk_usage(self._path.parent).free < FREE_MIN_BYTES:
            raise StoreFull(self._path.parent)
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                new = self._insert(records)
                count = self._count + len(records)
                if count > self._records_max:
                    count -= self._prune()
                self._writer.execute("COMMIT")
            except BaseException as error:
                self._numbers.clear()
                with suppress(sqlite3.Error):
                    self._writer.execute("ROLLBACK")
                    self.origins = Origins.load(self._writer)
                if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                    raise StoreFull(self._path.parent) from error
                raise
            self._seen |= new
            self._count = count

    def _insert(self, records: Sequence[Record]) -> set[tuple[str, str]]:
        new: set[tuple[str, str]] = set()
        rows: list[tuple[int, bytes]] = []
        texts: list[tuple[int, str, str]] = []
        known = set(self.origins.numbers())
        for record in records:
            record.key = self._next_key(record.timestamp_ms)
            origin = self.origins.number(record)
            if origin is None or origin not in known:
                new.update(pair for pair in indexed_pairs(record) if pair not in self._seen)
            if origin is None:
                document = record.document()
            else:
                known.add(origin)
                document = without_origin(record, origin)
            rows.append((record.key, orjson.dumps(document)))
            texts.append((record.key, *index_text(record, origin)))
        texts.sort()  # FTS5 flushes its buffer whenever a key is lower than the one before.
        self._insert_rows("record VALUES", rows)
        self._insert_rows("record_index (rowid, message, terms) VALUES", texts)
        self._writer.executemany("INSERT OR IGNORE INTO known_value VALUES (?, ?)", new)
        self.origins.save(self._writer)
        return new

    def _insert_rows(self, into: str, rows: Iterable[tuple[object, ...]]) -> None:
        left = iter(rows)
        while part := list(islice(left, ROWS)):
            places = ",".join(["(" + ",".join("?" * len(part[0])) + ")"] * len(part))
            self._writer.execute(f"INSERT INTO {into} {places}", [value for row in part for value in row])

    def _prune(self) -> int:
        """Takes the oldest records out of table and index; says how many."""
        rows = self._writer.execute("SELECT key, document FROM record ORDER BY key LIMIT ?", (PRUNED,)).fetchall()
        for key, document in rows:
            parts = orjson.loads(document)
            texts = index_text(self._record(key, parts), parts.get("g"))
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
        with Reading(self) as reader:
            planned = plan(query, reader)
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
                record = self._record(key, orjson.loads(document))
                if planned.exact or matches(query, record):
                    yield record
                reader.check_time()

    def count(self, query: Node, window: Window) -> int:
        with Reading(self) as reader:
            planned = plan(query, reader)
            if planned.exact:
                return int(next(reader.execute(*_keys_sql(planned, window, "count(*)")))[0])
        return sum(1 for _ in self.search(query, window))

    def timestamps(self, query: Node, window: Window) -> Iterator[int]:
        with Reading(self) as reader:
            planned = plan(query, reader)
            if planned.exact:
                for (key,) in reader.execute(*_keys_sql(planned, window, "rowid")):
                    yield key >> KEY_SHIFT
                return
        for record in self.search(query, window, newest_first=False):
            yield record.timestamp_ms

    def get(self, key: int) -> Record | None:
        with Reading(self) as reader:
            for (document,) in reader.execute("SELECT document FROM record WHERE key = ?", (key,)):
                return self._record(key, orjson.loads(document))
        return None

    def _record(self, key: int, parts: dict[str, Any]) -> Record:
        origin = parts.get("g")
        return from_document(key, key >> KEY_SHIFT, parts, None if origin is None else self.origins.record(origin))

    def count_by_origin(self, query: Node, window: Window, interval_ms: int | None) -> list[OriginCount] | None:
        with Reading(self) as reader:
            planned = plan(query, reader)
            if not planned.exact or self.origins.loose:
                return None
            counts: list[OriginCount] = []
            low, high = window.keys()
            for number in self.origins.numbers():
                found = f"terms:{origin_word(number)}"
                expression = found if planned.expression is None else f"({planned.expression} AND {found})"
                # The width of an interval in keys; without one, everything is one interval that begins at 0.
                width = min(interval_ms << KEY_SHIFT, KEY_MAX) if interval_ms else KEY_MAX
                rows = reader.execute(
                    "SELECT rowid / ?, count(*) FROM record_index WHERE record_index MATCH ? AND rowid BETWEEN ? AND ?"
                    " GROUP BY 1",
                    (width, expression, low, high),
                )
                start_ms = interval_ms or 0
                counts += [OriginCount(self.origins.record(number), part * start_ms, count) for part, count in rows]
            return counts

    def known_values(self, name: str) -> list[str]:
        with Reading(self) as reader:
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

"""
Where records are kept, and how they are found again.

What `add` has answered survives kill -9 and a power cut: it returns after SQLite's commit with `synchronous=FULL`.
A record's key is `timestamp_ms << 20 | number`, so "newest first" and every time window are ranges of the key, and the
key order is the order of time and, within a millisecond, of arrival. How lines are found is told in `index`.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from heapq import merge
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path

import orjson

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.logs.document import from_document, to_document
from drillyard.telemetry.logs.index import kinds, tally
from drillyard.telemetry.logs.index.kinds import LOOSE, Kinds
from drillyard.telemetry.logs.index.plan import Plan, numbers, plan
from drillyard.telemetry.logs.index.tally import tallied
from drillyard.telemetry.logs.index.terms import index_text, indexed_pairs, kind_word
from drillyard.telemetry.logs.query.matcher import matches
from drillyard.telemetry.logs.query.nodes import Node
from drillyard.telemetry.logs.reading import Reading
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.logs.record_store import KEY_MAX, KEY_SHIFT, OriginCount, StoreFull, Window

RECORDS_MAX = 2_000_000
"""Beyond it the oldest make room, at least PRUNED at a time."""
PRUNED = 2_000
FREE_MIN_BYTES = 64 * 1024 * 1024
"""With less room on the disk nothing more is taken, so that SQLite can still tidy up."""

WRITER_CACHE_KB, READER_CACHE_KB = 1_024, 512
"""
Pages that a connection keeps. They fill as the store grows, in three stores with a writer and readers each, and what a
reader does not keep the system's own cache has.
"""
IDLE_READERS_MAX = 2

FEW = 500
SEEN_MAX = 50_000
"""Values remembered as stored; beyond it (ids as tags) they are written again, and ignored there."""
NUMBERS_MAX = 5_000
"""Milliseconds of which the next free key is remembered; of others it is looked up."""
ROWS = 200
"""Rows in one INSERT: Python's other threads run meanwhile, where a statement a row would stop at each for them."""

_FORMAT = 3
"""SQLite's user_version. 1 indexed every word of every line, 2 the value of every attribute."""
_SCHEMA = f"""
BEGIN;
PRAGMA user_version={_FORMAT};
{kinds.SCHEMA}
{tally.SCHEMA}
CREATE TABLE IF NOT EXISTS record (key INTEGER PRIMARY KEY, kind INTEGER NOT NULL, document BLOB NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS line_index USING fts5(
    words, content='', columnsize=0, detail=none, tokenize="ascii tokenchars '_'"
);
CREATE TABLE IF NOT EXISTS known_value (name TEXT, value TEXT, PRIMARY KEY (name, value)) WITHOUT ROWID;
COMMIT;
"""

Row = tuple[int, int, bytes]
"""Key, kind and document."""


class SqliteStore:
    """RecordStore in one SQLite file."""

    def __init__(self, path: Path, records_max: int = RECORDS_MAX) -> None:
        self._path = path
        self._records_max = records_max
        self._writing = threading.Lock()
        self._writer = self._connect(WRITER_CACHE_KB)
        self._check_format()
        self._writer.executescript(_SCHEMA)
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._numbers: dict[int, int] = {}
        self._newest_ms = -1
        self.ending = False
        self._seen: set[tuple[str, str]] = set()
        self._kinds = Kinds.load(self._writer)
        (self._count,) = self._writer.execute("SELECT total(count) FROM tally").fetchone()

    @property
    def kinds(self) -> Sequence[kinds.Kind]:
        """All kinds of which there may be lines."""
        return self._kinds.kinds if self._kinds.loose else self._kinds.kinds[1:]

    def _check_format(self) -> None:
        (tables,) = self._writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        (found,) = self._writer.execute("PRAGMA user_version").fetchone()
        if tables and found != _FORMAT:
            self._writer.close()
            raise DrillyardError(
                f"{self._path} was written by another version of Drillyard.", hint="Move it away; a new one is made."
            )

    def _connect(self, cache_kb: int) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=10)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA cache_size=-{cache_kb}")
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
                    count -= self._prune(max(PRUNED, count - self._records_max))
                self._writer.execute("COMMIT")
            except BaseException as error:
                self._numbers.clear()
                with suppress(sqlite3.Error):
                    self._writer.execute("ROLLBACK")
                    self._kinds = Kinds.load(self._writer)
                if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                    raise StoreFull(self._path.parent) from error
                raise
            if len(self._seen) > SEEN_MAX:
                self._seen.clear()
            self._seen |= new
            self._count = count

    def _insert(self, records: Sequence[Record]) -> set[tuple[str, str]]:
        new: set[tuple[str, str]] = set()
        rows: list[tuple[int, int, bytes]] = []
        texts: list[tuple[int, str]] = []
        known = len(self._kinds.kinds)
        if len(self._numbers) > NUMBERS_MAX:
            self._numbers.clear()
        (newest,) = self._writer.execute("SELECT max(key) FROM record").fetchone()
        self._newest_ms = -1 if newest is None else newest >> KEY_SHIFT
        for record in records:
            record.key = self._next_key(record.timestamp_ms)
            placed = self._kinds.place(record)
            number = placed.kind.number
            if number >= known or number == LOOSE:
                known = max(known, number + 1)
                new.update(pair for pair in indexed_pairs(record) if pair not in self._seen)
            rows.append((record.key, number, orjson.dumps(to_document(record, placed))))
            texts.append((record.key, index_text(record, placed)))
        texts.sort()  # FTS5 flushes its buffer whenever a key is lower than the one before.
        self._insert_rows("record VALUES", rows)
        self._insert_rows("line_index (rowid, words) VALUES", texts)
        self._writer.executemany(tally.ADD, tally.counted((key, kind) for key, kind, _ in rows))
        self._writer.executemany("INSERT OR IGNORE INTO known_value VALUES (?, ?)", new)
        self._kinds.save(self._writer)
        return new

    def _insert_rows(self, into: str, rows: Iterable[tuple[object, ...]]) -> None:
        left = iter(rows)
        while part := list(islice(left, ROWS)):
            places = ",".join(["(" + ",".join("?" * len(part[0])) + ")"] * len(part))
            self._writer.execute(f"INSERT INTO {into} {places}", [value for row in part for value in row])

    def _prune(self, count: int) -> int:
        """Takes so many of the oldest records out of table, index and tally; says how many there were."""
        sql = "SELECT key, kind, document FROM record ORDER BY key LIMIT ?"
        rows: list[Row] = self._writer.execute(sql, (count,)).fetchall()
        texts = []
        for key, kind, stored in rows:
            document = orjson.loads(stored)
            record = from_document(key, self._kinds.kinds[kind], document)
            text, varying = [*document, {}][:2]
            texts.append(("delete", key, index_text(record, self._kinds.again(kind, text, varying))))
        self._insert_rows("line_index (line_index, rowid, words) VALUES", texts)
        self._writer.execute("DELETE FROM record WHERE key <= ?", (rows[-1][0],))
        gone = tally.counted((key, kind) for key, kind, _ in rows)
        self._writer.executemany(tally.ADD, [(minute, kind, -count) for minute, kind, count in gone])
        self._writer.execute("DELETE FROM tally WHERE minute <= ? AND count = 0", (max(part[0] for part in gone),))
        return len(rows)

    def _next_key(self, timestamp_ms: int) -> int:
        number = self._numbers.get(timestamp_ms)
        if number is None:
            number = 0 if timestamp_ms > self._newest_ms else self._first_free(timestamp_ms)
        self._numbers[timestamp_ms] = number + 1
        return (timestamp_ms << KEY_SHIFT) + number

    def _first_free(self, timestamp_ms: int) -> int:
        low, high = Window(timestamp_ms, timestamp_ms).keys()
        (last,) = self._writer.execute("SELECT max(key) FROM record WHERE key BETWEEN ? AND ?", (low, high)).fetchone()
        return 0 if last is None else (last - low) + 1

    def search(
        self, query: Node, window: Window, *, newest_first: bool = True, after: int | None = None
    ) -> Iterator[Record]:
        low, high = window.keys()
        if after is not None:
            after = max(-1, min(after, KEY_MAX))  # A client may send anything.
            low, high = (low, min(high, after - 1)) if newest_first else (max(low, after + 1), high)
        with Reading(self) as reader:
            planned = plan(query, reader)
            text, certain = planned.search()
            if planned.words and _are_few(reader, planned.words, low, high):
                text, certain = planned.words, planned.exact_kinds
            rows: Iterator[Row]
            whole, others = planned.whole, planned.others
            if text is None and others is not None and planned.possible != whole:
                # Too many kinds to be named: theirs are read in order, and the index is asked for those of the others.
                beside = planned.possible & ~whole
                both = (
                    _rows(reader, None, low, high, whole, newest_first=newest_first),
                    _rows(reader, others, low, high, beside, newest_first=newest_first),
                )
                rows, certain = merge(*both, key=itemgetter(0), reverse=newest_first), planned.certain
            else:
                kinds = planned.possible if planned.possible != planned.every else None
                rows = _rows(reader, text, low, high, kinds, newest_first=newest_first)
            yield from self._matching(reader, rows, query, certain)

    def _matching(self, reader: Reading, rows: Iterable[Row], query: Node, certain: int) -> Iterator[Record]:
        """The records of these rows that match; those of the `certain` kinds are not asked."""
        for key, kind, document in rows:
            record = self._record(key, kind, document)
            if certain >> kind & 1 or matches(query, record):
                yield record
            reader.check_time()

    def _asked(self, reader: Reading, planned: Plan, query: Node, window: Window) -> Iterator[Record]:
        """The matching records of the kinds of which only reading can tell."""
        rows = _rows(reader, planned.asked, *window.keys(), planned.asked_kinds)
        return self._matching(reader, rows, query, 0)

    def count(self, query: Node, window: Window) -> int:
        with Reading(self) as reader:
            planned = plan(query, reader)
            total = sum(count for kind, _, count in tallied(reader.execute, window, None) if planned.whole >> kind & 1)
            if planned.exact:
                sql = "SELECT count(*) FROM line_index WHERE line_index MATCH ? AND rowid BETWEEN ? AND ?"
                total += next(reader.execute(sql, (planned.exact, *window.keys())))[0]
            return total + sum(1 for _ in self._asked(reader, planned, query, window))

    def count_over_time(self, query: Node, window: Window, interval_ms: int) -> dict[int, int]:
        with Reading(self) as reader:
            planned = plan(query, reader)
            counts: Counter[int] = Counter()
            for kind, start_ms, count in tallied(reader.execute, window, interval_ms):
                if planned.whole >> kind & 1:
                    counts[start_ms] += count
            if planned.exact:
                sql = "SELECT rowid >> ?, count(*) FROM line_index WHERE line_index MATCH ? AND rowid BETWEEN ? AND ?"
                for second, count in reader.execute(f"{sql} GROUP BY 1", (KEY_SHIFT, planned.exact, *window.keys())):
                    counts[second // interval_ms * interval_ms] += count
            for record in self._asked(reader, planned, query, window):
                counts[record.timestamp_ms // interval_ms * interval_ms] += 1
            return counts

    def count_by_origin(self, query: Node, window: Window, interval_ms: int | None) -> Iterator[OriginCount]:
        with Reading(self) as reader:
            planned = plan(query, reader)
            loose = 1 << LOOSE
            counts: Counter[tuple[int, int]] = Counter()
            for kind, start_ms, count in tallied(reader.execute, window, interval_ms):
                if kind != LOOSE and planned.whole >> kind & 1:
                    counts[kind, start_ms] += count
            yield from self._named_counts(counts)
            if planned.exact:
                yield from self._named_counts(self._exact_counts(reader, planned, window, interval_ms))
            alone = _loose_text(planned)
            unnamed: Iterator[Record] = self._asked(reader, planned, query, window)
            if alone:
                rows = _rows(reader, alone, *window.keys(), loose)
                unnamed = chain(self._matching(reader, rows, query, loose), unnamed)
            for record in unnamed:
                yield OriginCount(record, _start(record.timestamp_ms, interval_ms), 1)

    def _exact_counts(
        self, reader: Reading, planned: Plan, window: Window, interval_ms: int | None
    ) -> Counter[tuple[int, int]]:
        """Lines by kind and interval of what the index alone can tell."""
        counts: Counter[tuple[int, int]] = Counter()
        sql = (
            "SELECT kind, key / ?, count(*) FROM line_index CROSS JOIN record ON key = line_index.rowid"
            " WHERE line_index MATCH ? AND line_index.rowid BETWEEN ? AND ? GROUP BY 1, 2"
        )
        # The width of an interval in keys; without one, everything is one interval that begins at 0.
        width = min(interval_ms << KEY_SHIFT, KEY_MAX) if interval_ms else KEY_MAX
        for kind, part, count in reader.execute(sql, (width, planned.exact, *window.keys())):
            if kind != LOOSE:
                counts[kind, part * (interval_ms or 0)] += count
        return counts

    def _named_counts(self, counts: Mapping[tuple[int, int], int]) -> Iterator[OriginCount]:
        """Kinds of one origin taken together."""
        together: dict[tuple[int, int], OriginCount] = {}
        for (kind, start_ms), count in counts.items():
            origin = self._kinds.kinds[kind].origin
            assert origin is not None
            place = (id(origin), start_ms)
            before = together[place].count if place in together else 0
            together[place] = OriginCount(origin, start_ms, before + count)
        yield from together.values()

    def get(self, key: int) -> Record | None:
        with Reading(self) as reader:
            for kind, document in reader.execute("SELECT kind, document FROM record WHERE key = ?", (key,)):
                return self._record(key, kind, document)
        return None

    def _record(self, key: int, kind: int, document: bytes) -> Record:
        return from_document(key, self._kinds.kinds[kind], orjson.loads(document))

    def lend_reader(self) -> sqlite3.Connection:
        """A connection for one search; `give_back` returns it."""
        with self._readers_lock:
            return self._readers.pop() if self._readers else self._connect(READER_CACHE_KB)

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Keeps the connection for the next search, or closes it where enough are kept."""
        with self._readers_lock:
            if len(self._readers) < IDLE_READERS_MAX:
                self._readers.append(connection)
                return
        connection.close()


def _rows(
    reader: Reading, text: str | None, low: int, high: int, kinds: int | None, *, newest_first: bool = False
) -> Iterator[Row]:
    """
    Key, kind and document of what a full-text expression finds: nothing for an empty one, all for None.

    Lines of other `kinds` (None: all) are passed over before their documents are read, which may be long.
    """
    if text == "" or low > high:
        return iter(())
    direction = "DESC" if newest_first else "ASC"
    wanted = ""
    values: tuple[object, ...] = (low, high)
    if kinds is not None:
        wanted = "AND record.kind IN (SELECT value FROM json_each(?))"
        values = (low, high, orjson.dumps(numbers(kinds)).decode())
    if text is None:
        sql = f"SELECT key, kind, document FROM record WHERE key BETWEEN ? AND ? {wanted} ORDER BY key {direction}"
        return reader.execute(sql, values)
    # CROSS JOIN makes SQLite ask the index first; left to itself it once took 22 s for what takes 9 ms.
    sql = (
        "SELECT key, kind, document FROM line_index CROSS JOIN record ON key = line_index.rowid WHERE"
        f" line_index MATCH ? AND line_index.rowid BETWEEN ? AND ? {wanted} ORDER BY line_index.rowid {direction}"
    )
    return reader.execute(sql, (text, *values))


def _are_few(reader: Reading, text: str, low: int, high: int) -> bool:
    """Whether so few lines are found that it is quicker to look at each one's kind than to ask the index for kinds."""
    sql = "SELECT rowid FROM line_index WHERE line_index MATCH ? AND rowid BETWEEN ? AND ? LIMIT ?"
    return sum(1 for _ in reader.execute(sql, (text, low, high, FEW))) < FEW


def _loose_text(planned: Plan) -> str:
    """What finds the lines without a kind that match for certain; empty when there are none."""
    if planned.whole >> LOOSE & 1:
        return kind_word(LOOSE)
    return f"({kind_word(LOOSE)} AND ({planned.exact}))" if planned.exact_kinds >> LOOSE & 1 else ""


def _start(timestamp_ms: int, interval_ms: int | None) -> int:
    return timestamp_ms // interval_ms * interval_ms if interval_ms else 0

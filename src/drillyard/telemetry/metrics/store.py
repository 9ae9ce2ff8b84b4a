"""
Where points are kept: one row a point, by series; a series is a metric with its tags.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from drillyard.telemetry.logs.record_store import StoreFull

TYPES = ("gauge", "count", "rate")

FREE_MIN_BYTES = 16 * 1024 * 1024
"""Less than the logs ask for: metrics are small, and they are how one sees a disk fill up."""
KEPT_S = 3 * 86_400
"""Points older than this, counted from the newest, are let go."""
PRUNE_EVERY = 500
"""Requests between two looks for old points."""

_SCHEMA = """
BEGIN;
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, metric TEXT NOT NULL, tags TEXT NOT NULL, type TEXT NOT NULL, interval_s INTEGER NOT NULL,
    UNIQUE (metric, tags)
);
CREATE TABLE IF NOT EXISTS point (
    series INTEGER NOT NULL, time_s INTEGER NOT NULL, value REAL NOT NULL, PRIMARY KEY (series, time_s)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS metadata (metric TEXT PRIMARY KEY, fields TEXT NOT NULL) WITHOUT ROWID;
COMMIT;
"""


@dataclass(frozen=True)
class Point:
    """One value of one series. `tags` are sorted, with the host as `host:name`; `interval_s` 0 for gauges."""

    metric: str
    tags: tuple[str, ...]
    time_s: int
    value: float
    type: str = "gauge"
    interval_s: int = 0


@dataclass(frozen=True)
class Series:
    """A metric with its tags, and the points of the asked time in their order."""

    metric: str
    tags: tuple[str, ...]
    type: str
    interval_s: int
    points: Sequence[tuple[int, float]] = ()


class MetricStore:
    """One SQLite file. All methods may be called from several threads; what `add` returned from survives a crash."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        self._ids: dict[tuple[str, tuple[str, ...]], int] = {}
        self._added = 0

    def close(self) -> None:
        """Closes the file; further calls fail."""
        with self._lock:
            self._connection.close()

    def add(self, points: Sequence[Point]) -> None:
        """Keeps the points; a later value for the same second replaces the earlier. Raises StoreFull: none is kept."""
        if shutil.disk_usage(self._folder).free < FREE_MIN_BYTES:
            raise StoreFull(self._folder)
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                rows = [(self._id(point), point.time_s, point.value) for point in points]
                self._connection.executemany("INSERT OR REPLACE INTO point VALUES (?, ?, ?)", rows)
                self._added += 1
                if self._added % PRUNE_EVERY == 0:
                    self._prune(max(point.time_s for point in points) - KEPT_S)
                self._connection.execute("COMMIT")
            except BaseException as error:
                self._ids.clear()
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                    raise StoreFull(self._folder) from error
                raise

    def _prune(self, before_s: int) -> None:
        series = self._connection.execute("SELECT id FROM series").fetchall()
        rows = [(identity, before_s) for (identity,) in series]
        self._connection.executemany("DELETE FROM point WHERE series = ? AND time_s < ?", rows)

    def _id(self, point: Point) -> int:
        key = (point.metric, point.tags)
        known = self._ids.get(key)
        if known is not None:
            return known
        if len(self._ids) > 50_000:
            self._ids.clear()
        values = (point.metric, orjson.dumps(point.tags).decode())
        self._connection.execute(
            "INSERT OR IGNORE INTO series (metric, tags, type, interval_s) VALUES (?, ?, ?, ?)",
            (*values, point.type, point.interval_s),
        )
        (found,) = self._connection.execute("SELECT id FROM series WHERE metric = ? AND tags = ?", values).fetchone()
        self._ids[key] = int(found)
        return int(found)

    def series(self, metric: str, from_s: int, to_s: int) -> list[Series]:
        """The metric's series that have points from one second to another, both inclusive."""
        with self._lock:
            found = self._connection.execute(
                "SELECT id, tags, type, interval_s FROM series WHERE metric = ?", (metric,)
            ).fetchall()
            answer = []
            for identity, tags, kind, interval_s in found:
                points = self._connection.execute(
                    "SELECT time_s, value FROM point WHERE series = ? AND time_s BETWEEN ? AND ? ORDER BY time_s",
                    (identity, from_s, to_s),
                ).fetchall()
                if points:
                    answer.append(Series(metric, tuple(orjson.loads(tags)), kind, interval_s, points))
        return answer

    def active(self, since_s: int, metric: str | None = None) -> list[Series]:
        """The series with a point since then, without their points."""
        sql = (
            "SELECT metric, tags, type, interval_s FROM series WHERE (? IS NULL OR metric = ?) AND EXISTS"
            " (SELECT 1 FROM point WHERE point.series = series.id AND time_s >= ?) ORDER BY metric"
        )
        with self._lock:
            rows = self._connection.execute(sql, (metric, metric, since_s)).fetchall()
        return [Series(name, tuple(orjson.loads(tags)), kind, interval_s) for name, tags, kind, interval_s in rows]

    def type_of(self, metric: str) -> str | None:
        """gauge, count or rate; None for a metric never seen."""
        with self._lock:
            row = self._connection.execute("SELECT type FROM series WHERE metric = ? LIMIT 1", (metric,)).fetchone()
        return str(row[0]) if row else None

    def metadata(self, metric: str) -> dict[str, str]:
        """What people have written about a metric."""
        with self._lock:
            row = self._connection.execute("SELECT fields FROM metadata WHERE metric = ?", (metric,)).fetchone()
        return dict(orjson.loads(row[0])) if row else {}

    def describe(self, metric: str, fields: dict[str, str]) -> None:
        """Replaces it."""
        with self._lock:
            text = orjson.dumps(fields).decode()
            self._connection.execute("INSERT OR REPLACE INTO metadata VALUES (?, ?)", (metric, text))

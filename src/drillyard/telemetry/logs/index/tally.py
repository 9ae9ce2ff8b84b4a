"""
How many lines of each kind came in each minute: broad counts read this and no line.

A window rarely begins and ends with a minute; the lines of the two minutes it cuts are counted one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from drillyard.telemetry.logs.record_store import KEY_MAX, KEY_SHIFT, Window

SCHEMA = """
CREATE TABLE IF NOT EXISTS tally (
    minute INTEGER, kind INTEGER, count INTEGER NOT NULL, PRIMARY KEY (minute, kind)
) WITHOUT ROWID;
"""
MINUTE_MS = 60_000

Tallied = tuple[int, int, int]
"""Kind, start of the interval (ms, 0 without intervals), number of lines."""
Execute = Callable[[str, tuple[object, ...]], Iterable[Any]]


def counted(keys_and_kinds: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Minute, kind and number of lines."""
    counts = Counter([((key >> KEY_SHIFT) // MINUTE_MS, kind) for key, kind in keys_and_kinds])
    return [(minute, kind, count) for (minute, kind), count in counts.items()]


ADD = "INSERT INTO tally VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"


def tallied(execute: Execute, window: Window, interval_ms: int | None) -> Iterator[Tallied]:
    """The lines of the window by kind and interval."""
    low, high = window.keys()
    (oldest,), *_ = execute("SELECT min(key) FROM record", ())
    (newest,), *_ = execute("SELECT max(key) FROM record", ())
    if oldest is None or high < oldest or low > newest:
        return
    low, high = max(low, oldest), min(high, newest)
    if interval_ms is not None and interval_ms % MINUTE_MS:
        yield from _read(execute, low, high, interval_ms)
        return
    minute = MINUTE_MS << KEY_SHIFT
    first = low // minute if low == oldest else -(-low // minute)
    last = high // minute if high == newest else (high + 1) // minute - 1
    if first > last:
        yield from _read(execute, low, high, interval_ms)
        return
    if low < first * minute and low != oldest:
        yield from _read(execute, low, first * minute - 1, interval_ms)
    minutes = interval_ms // MINUTE_MS if interval_ms else KEY_MAX
    sql = "SELECT kind, minute / ?, sum(count) FROM tally WHERE minute BETWEEN ? AND ? GROUP BY 1, 2"
    for kind, part, count in execute(sql, (minutes, first, last)):
        yield kind, part * (interval_ms or 0), count
    if high >= (last + 1) * minute:
        yield from _read(execute, (last + 1) * minute, high, interval_ms)


def _read(execute: Execute, low: int, high: int, interval_ms: int | None) -> Iterator[Tallied]:
    width = min(interval_ms << KEY_SHIFT, KEY_MAX) if interval_ms else KEY_MAX
    sql = "SELECT kind, key / ?, count(*) FROM record WHERE key BETWEEN ? AND ? GROUP BY 1, 2"
    for kind, part, count in execute(sql, (width, low, high)):
        yield kind, part * (interval_ms or 0), count

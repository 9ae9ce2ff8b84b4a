"""
What was kept of an SLO between two moments.

A metric's SLO is its good events of all events, summed over the time. A monitor's is the time in which no group of it
was in alert, read from the events that its changes made; the time before the monitor was made does not count, and what
a muted monitor did left no event. Where nothing happened there is no value: never 100 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from drillyard.telemetry.logs.query import parse
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.logs.record_store import RecordStore, Window
from drillyard.telemetry.metrics.evaluate import SeriesSource, evaluate, grid_for
from drillyard.telemetry.metrics.lines import Grid, Line
from drillyard.telemetry.metrics.query.parser import parse_query
from drillyard.telemetry.monitors.state import ALERT

EVENTS_MAX = 20_000


@dataclass(frozen=True)
class Counts:
    """Good events and all, by interval (Unix seconds) and in sum."""

    interval_s: int
    times: Sequence[int]
    good: Sequence[float]
    total: Sequence[float]

    @property
    def percent(self) -> float | None:
        """None where nothing happened."""
        every = math.fsum(self.total)
        return 100 * math.fsum(self.good) / every if every > 0 else None


@dataclass(frozen=True)
class Uptime:
    """How long a monitor was looked at, and how long of it in alert; `turns` are (Unix seconds, 0 good or 1 bad)."""

    asked_s: int
    bad_s: int
    turns: Sequence[tuple[int, int]] = field(default=())

    @property
    def percent(self) -> float | None:
        """None where the monitor did not exist yet."""
        return 100 * (1 - self.bad_s / self.asked_s) if self.asked_s > 0 else None


def budget_left(percent: float | None, target: float) -> float | None:
    """Percent of what was allowed to fail that may still fail; below 0 when the promise is broken."""
    return None if percent is None else 100 * (1 - (100 - percent) / (100 - target))


def count(query: Mapping[str, str], source: SeriesSource, from_s: int, to_s: int) -> Counts:
    """The numerator and denominator of a metric's SLO. Raises MetricQueryError."""
    good, total = parse_query(query["numerator"]), parse_query(query["denominator"])
    grids = [grid_for(tree, from_s, to_s) for tree in (good, total)]
    grid = Grid(from_s, to_s, max(one.step_s for one in grids))
    sums = [_summed(evaluate(tree, source, grid)) for tree in (good, total)]
    times = sorted(sums[0].keys() | sums[1].keys())
    return Counts(grid.step_s, times, *([values.get(time, 0.0) for time in times] for values in sums))


def _summed(lines: Iterable[Line]) -> dict[int, float]:
    found: dict[int, float] = {}
    for line in lines:
        for time, value in line.values.items():
            found[time] = found.get(time, 0.0) + value
    return found


def uptime(monitor: Mapping[str, Any], groups: Sequence[str], events: RecordStore, from_s: int, to_s: int) -> Uptime:
    """How long a monitor (of some groups, or of all) was without an alert. Raises SearchTooSlow."""
    born_s = monitor["created_at"] // 1000
    start_s = max(from_s, born_s)
    query = parse(f"source:alert @monitor.id:{monitor['id']}")
    found = events.search(query, Window(born_s * 1000, to_s * 1000), newest_first=False)
    changes = sorted(
        (record.timestamp_ms // 1000, group, state)
        for record in islice(found, EVENTS_MAX)
        for group, state in [_change(record)]
        if not groups or group in groups
    )
    alerting: set[str] = set()
    bad_s, bad_since = 0, None
    turns: list[tuple[int, int]] = []
    for at_s, group, state in changes:
        (alerting.add if state == ALERT else alerting.discard)(group)
        if alerting and bad_since is None:
            bad_since = at_s
            turns.append((max(at_s, start_s), 1))
        elif not alerting and bad_since is not None:
            bad_s += max(0, at_s - max(bad_since, start_s))
            bad_since = None
            turns.append((max(at_s, start_s), 0))
    if bad_since is not None:
        bad_s += max(0, to_s - max(bad_since, start_s))
    return Uptime(max(0, to_s - start_s), bad_s, turns)


def _change(event: Record) -> tuple[str, str]:
    """The group and its new state that a monitor's event tells."""
    told = event.attributes.get("monitor") or {}
    return ",".join(told.get("groups") or []) or "*", str((told.get("transition") or {}).get("destination_state", ""))

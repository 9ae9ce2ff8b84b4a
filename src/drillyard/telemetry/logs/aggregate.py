"""
Counts, sums and percentiles over matching records, by group and over time (`POST /api/v2/logs/analytics/aggregate`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.logs.query import parse
from drillyard.telemetry.logs.query.matcher import number, values
from drillyard.telemetry.logs.query.nodes import All, Exists, Field, FieldKind, Node
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.logs.record_store import RecordStore, Window
from drillyard.telemetry.times import iso, parse_duration

AGGREGATIONS = ("count", "cardinality", "pc75", "pc90", "pc95", "pc98", "pc99", "sum", "min", "max", "avg", "median")
GROUPS_MAX = 10_000
POINTS_MAX = 1_500
COMPUTES_MAX = 20


class AggregateError(DrillyardError):
    """A compute or group that cannot be understood."""


@dataclass(frozen=True)
class Compute:
    """One figure: `count`, or another aggregation of the numbers in a field; over time when `interval_ms` is given."""

    aggregation: str = "count"
    metric: Field | None = None
    interval_ms: int | None = None


@dataclass(frozen=True)
class Group:
    """
    One way to split. `missing` names the group of records without the facet, None leaves them out.

    Groups are sorted by `sort_by` (a compute's number, None for the group's name) and cut to `limit`.
    """

    name: str
    facet: Field
    limit: int = 10
    missing: str | None = None
    sort_by: int | None = 0
    ascending: bool = False
    histogram: tuple[float, float, float] | None = None


@dataclass
class _Cell:
    """What one bucket has gathered for one compute at one moment."""

    count: int = 0
    numbers: list[float] = field(default_factory=list)
    different: set[str] = field(default_factory=set)


@dataclass
class Bucket:
    """One group: its facet values and a figure, or a list of points, for each compute."""

    by: dict[str, str]
    computes: list[Any]


def facet(path: str) -> Field:
    """The field a facet or metric name means. Raises AggregateError."""
    tree = parse(f"{path}:*") if path and " " not in path else All()
    if not isinstance(tree, Exists):
        raise AggregateError(f"{path[:80]!r} is no field to group or compute by.")
    return tree.field


def interval_for(window: Window) -> int:
    """A rollup (ms) that gives a readable number of points for a window, as Datadog's own widgets do."""
    span_ms = max(1, window.to_ms - window.from_ms)
    steps = (1_000, 5_000, 20_000, 60_000, 300_000, 900_000, 3_600_000, 14_400_000, 86_400_000, 604_800_000)
    return next((step for step in steps if span_ms / step <= 200), max(604_800_000, span_ms // 200))


def read_interval(text: str | None, window: Window) -> int:
    """Milliseconds of an interval, or a fitting one. Raises TimeError and, for too many points, AggregateError."""
    if text is None:
        return interval_for(window)
    interval_ms = parse_duration(text)
    if (window.to_ms - window.from_ms) / interval_ms > POINTS_MAX:
        raise AggregateError(f"An interval of {text} gives more than {POINTS_MAX} points.")
    return interval_ms


def aggregate(
    store: RecordStore, query: str, window: Window, computes: Sequence[Compute], groups: Sequence[Group]
) -> list[Bucket]:
    """The buckets, sorted and cut; none when nothing matches. Raises QueryError, SearchTooSlow, AggregateError."""
    tree = parse(query)
    if not groups and all(compute.aggregation == "count" for compute in computes):
        return _count_only(store, tree, window, computes)
    counted = _count_by_origin(store, tree, window, computes, groups)
    if counted is not None:
        return counted
    cells: dict[tuple[str, ...], list[dict[int, _Cell]]] = {}
    for record in store.search(tree, window, newest_first=False):
        for key in _keys(record, groups):
            bucket = cells.get(key)
            if bucket is None:
                if len(cells) >= GROUPS_MAX:
                    raise AggregateError(f"More than {GROUPS_MAX} groups.")
                bucket = cells[key] = [{} for _ in computes]
            for compute, times in zip(computes, bucket, strict=True):
                start = _start(record.timestamp_ms, compute)
                _gather(times.setdefault(start, _Cell()), compute, record)
    return _buckets(cells, computes, groups)


def _count_only(store: RecordStore, tree: Node, window: Window, computes: Sequence[Compute]) -> list[Bucket]:
    """Without groups, counting needs the times alone, which the index has."""
    results: list[Any] = []
    total = store.count(tree, window)
    if not total:
        return []
    for compute in computes:
        if compute.interval_ms is None:
            results.append(total)
            continue
        times = store.count_over_time(tree, window, compute.interval_ms)
        results.append([{"time": iso(start), "value": value} for start, value in sorted(times.items())])
    return [Bucket({}, results)]


def _count_by_origin(
    store: RecordStore, tree: Node, window: Window, computes: Sequence[Compute], groups: Sequence[Group]
) -> list[Bucket] | None:
    """Plain counts by tags and reserved fields, which need no record; None for anything else."""
    intervals = {compute.interval_ms for compute in computes}
    plain = all(compute.aggregation == "count" and compute.metric is None for compute in computes)
    if not plain or not all(_of_origin(group.facet) for group in groups):
        return None
    cells: dict[tuple[str, ...], list[dict[int, _Cell]]] = {}
    for interval_ms in intervals:
        wanted = [place for place, compute in enumerate(computes) if compute.interval_ms == interval_ms]
        for part in store.count_by_origin(tree, window, interval_ms):
            for key in _keys(part.origin, groups):
                bucket = cells.get(key)
                if bucket is None:
                    if len(cells) >= GROUPS_MAX:
                        raise AggregateError(f"More than {GROUPS_MAX} groups.")
                    bucket = cells[key] = [{} for _ in computes]
                for place in wanted:
                    bucket[place].setdefault(part.start_ms, _Cell()).count += part.count
    return _buckets(cells, computes, groups)


def _of_origin(field: Field) -> bool:
    return field.kind is FieldKind.TAG or field.name in ("service", "host", "source", "status", "tags")


def _buckets(
    cells: Mapping[tuple[str, ...], list[dict[int, _Cell]]], computes: Sequence[Compute], groups: Sequence[Group]
) -> list[Bucket]:
    """The gathered figures, sorted and cut."""
    names = [group.name for group in groups]
    found = [
        Bucket(
            dict(zip(names, key, strict=True)), [_figure(c, times) for c, times in zip(computes, bucket, strict=True)]
        )
        for key, bucket in cells.items()
    ]
    return _sorted(found, groups)


def _start(timestamp_ms: int, compute: Compute) -> int:
    return timestamp_ms // compute.interval_ms * compute.interval_ms if compute.interval_ms else 0


def _keys(record: Record, groups: Sequence[Group]) -> Iterable[tuple[str, ...]]:
    """The groups a record belongs to: one, or several when a facet has several values."""
    keys: list[tuple[str, ...]] = [()]
    for group in groups:
        found = list(dict.fromkeys(_values(record, group))) or ([] if group.missing is None else [group.missing])
        keys = [(*key, value) for key in keys for value in found][:100]
    return keys


def _values(record: Record, group: Group) -> list[str]:
    found = values(group.facet, record)
    if group.histogram is None:
        return found
    interval, low, high = group.histogram
    numbers = [number(text) for text in found]
    starts = [math.floor((value - low) / interval) * interval + low for value in numbers if low <= value <= high]
    return [f"{start:g}" for start in starts]


def _gather(cell: _Cell, compute: Compute, record: Record) -> None:
    if compute.metric is None:
        cell.count += 1
        return
    found = values(compute.metric, record)
    if not found:
        return
    cell.count += 1
    if compute.aggregation == "cardinality":
        cell.different.update(found)
    elif compute.aggregation != "count":
        cell.numbers.extend(value for value in map(number, found) if math.isfinite(value))


def _figure(compute: Compute, times: dict[int, _Cell]) -> Any:
    if compute.interval_ms is None:
        return _value(compute, times[0])
    points = ((start, _value(compute, cell)) for start, cell in sorted(times.items()))
    return [{"time": iso(start), "value": value} for start, value in points if value is not None]


def _value(compute: Compute, cell: _Cell) -> float | int | None:
    match compute.aggregation:
        case "count":
            return cell.count
        case "cardinality":
            return len(cell.different)
    return reduce_numbers(compute.aggregation, cell.numbers)


def reduce_numbers(aggregation: str, numbers: Sequence[float]) -> float | None:
    """sum, min, max, avg, median or pcNN of the numbers; None of none."""
    if not numbers:
        return None
    match aggregation:
        case "sum":
            return math.fsum(numbers)
        case "min":
            return min(numbers)
        case "max":
            return max(numbers)
        case "avg":
            return math.fsum(numbers) / len(numbers)
        case "median":
            return percentile(numbers, 50)
    return percentile(numbers, float(aggregation.removeprefix("pc")))


def percentile(numbers: Sequence[float], rank: float) -> float:
    """Linear between the neighbours, as numpy's default. `rank` from 0 to 100."""
    ordered = sorted(numbers)
    place = (len(ordered) - 1) * rank / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _sorted(found: list[Bucket], groups: Sequence[Group]) -> list[Bucket]:
    """Datadog's order: the first group's limit cuts first, then each later group's inside it."""
    if not groups:
        return found
    group = groups[0]
    totals: dict[str, tuple[float, list[Bucket]]] = {}
    for bucket in found:
        total, members = totals.get(bucket.by[group.name], (0.0, []))
        weight = 0.0 if group.sort_by is None else _weight(bucket.computes[group.sort_by])
        totals[bucket.by[group.name]] = (total + weight, [*members, bucket])
    order = sorted(totals, reverse=group.sort_by is None and not group.ascending)
    if group.sort_by is not None:
        order.sort(key=lambda name: totals[name][0], reverse=not group.ascending)
    return [bucket for name in order[: group.limit] for bucket in _sorted(totals[name][1], groups[1:])]


def _weight(figure: Any) -> float:
    if isinstance(figure, list):
        return math.fsum(point["value"] for point in figure)
    return -math.inf if figure is None else float(figure)

"""
What a metric query means: time aggregation within each series, space aggregation across the series of a group, then
arithmetic and functions, group by group.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from drillyard.telemetry.logs.aggregate import percentile
from drillyard.telemetry.logs.query import matches
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.metrics.functions import call, shift_of
from drillyard.telemetry.metrics.lines import Grid, Line
from drillyard.telemetry.metrics.query.nodes import (
    Call,
    Expression,
    Fill,
    MetricQueryError,
    Name,
    Number,
    Operation,
    Select,
)
from drillyard.telemetry.metrics.store import Series

POINTS_MAX = 1_500
INTERPOLATE_S = 300
"""Gaps of gauges up to this length are bridged when several series are combined, as Datadog does."""

SeriesSource = Callable[[str, int, int], list[Series]]
"""(metric, from_s, to_s) → series with their points."""


def grid_for(expression: Expression, from_s: int, to_s: int, step_s: int | None = None) -> Grid:
    """The grid of a query: its own rollup, else the given step, else one that suits the time span."""
    if from_s > to_s:
        raise MetricQueryError("The time span is empty: from is after to.")
    step = (
        max((select.rollup_s or 0 for select in selects(expression)), default=0)
        or step_s
        or default_step(to_s - from_s)
    )
    if (to_s - from_s) / step > POINTS_MAX:
        step = math.ceil((to_s - from_s) / POINTS_MAX)
    return Grid(from_s, to_s, step)


def default_step(span_s: int) -> int:
    """Datadog's rollup for a span: 20 s up to an hour, 60 s up to four, 5 minutes up to a day, and so on."""
    for limit_s, step_s in ((3_600, 20), (14_400, 60), (86_400, 300), (172_800, 600), (604_800, 3_600)):
        if span_s <= limit_s:
            return step_s
    return 14_400


def selects(expression: Expression) -> list[Select]:
    """All plain queries inside."""
    match expression:
        case Select():
            return [expression]
        case Operation():
            return selects(expression.left) + selects(expression.right)
        case Call():
            return selects(expression.operand)
    return []


def evaluate(
    expression: Expression, source: SeriesSource, grid: Grid, named: Mapping[str, Sequence[Line]] | None = None
) -> list[Line]:
    """The lines of an expression. Raises MetricQueryError."""
    match expression:
        case Number():
            return [Line((), dict.fromkeys(grid.times(), expression.value), constant=True)]
        case Name():
            return list((named or {})[expression.name])
        case Select():
            return _select(expression, source, grid)
        case Operation():
            left = evaluate(expression.left, source, grid, named)
            return _combine(expression.operator, left, evaluate(expression.right, source, grid, named))
        case Call():
            shift_s = shift_of(expression)
            if shift_s is None:
                return call(expression, evaluate(expression.operand, source, grid, named), grid)
            earlier = Grid(grid.from_s + shift_s, grid.to_s + shift_s, grid.step_s)
            lines = evaluate(expression.operand, source, earlier, named)
            return [
                replace(line, values={time + _snapped(shift_s, grid): v for time, v in line.values.items()})
                for line in lines
            ]
    raise AssertionError(expression)


def _snapped(shift_s: int, grid: Grid) -> int:
    return -round(shift_s / grid.step_s) * grid.step_s


def _select(select: Select, source: SeriesSource, grid: Grid) -> list[Line]:
    groups: dict[tuple[str, ...], list[dict[int, float]]] = {}
    start_s = grid.times().start
    for series in source(select.metric, start_s, grid.to_s):
        record = Record(0, "", tags=list(series.tags))
        if not matches(select.scope, record):
            continue
        key = tuple(f"{name}:{(record.tag_values.get(name) or ['N/A'])[0]}" for name in select.by)
        groups.setdefault(key, []).append(_over_time(select, series, grid.step_s))
    lines = []
    for key, members in sorted(groups.items()):
        if len(members) > 1:
            members = [_bridged(values, grid.step_s) for values in members]
        values = _filled(_over_space(select, members), select.fill, grid)
        scope = ",".join(part for part in (*key, select.scope_text if select.scope_text != "*" else "") if part)
        aggregator = select.aggregator if select.percentile is None else f"p{select.percentile:g}"
        lines.append(Line(key, values, select.metric, scope or "*", aggregator))
    return lines


def _over_time(select: Select, series: Series, step_s: int) -> dict[int, float]:
    """One value a bucket: gauges and rates are averaged, counts summed, unless the query says otherwise."""
    buckets: dict[int, list[float]] = {}
    scale = (series.interval_s or 10) if select.as_count and series.type == "rate" else 1
    for time_s, value in series.points:
        buckets.setdefault(time_s // step_s * step_s, []).append(value * scale)
    summed = series.type == "count" or select.as_count
    method = select.rollup or ("sum" if summed else "avg")
    per_second = select.as_rate and series.type == "count"
    return {time: _reduce(method, values) / (step_s if per_second else 1) for time, values in buckets.items()}


def _over_space(select: Select, members: Sequence[Mapping[int, float]]) -> dict[int, float]:
    columns: dict[int, list[float]] = {}
    for values in members:
        for time, value in values.items():
            columns.setdefault(time, []).append(value)
    if select.percentile is not None:
        return {time: percentile(column, select.percentile) for time, column in sorted(columns.items())}
    return {time: _reduce(select.aggregator, column) for time, column in sorted(columns.items())}


def _reduce(method: str, values: Sequence[float]) -> float:
    match method:
        case "sum":
            return math.fsum(values)
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "count":
            return float(len(values))
    return math.fsum(values) / len(values)


def _bridged(values: dict[int, float], step_s: int) -> dict[int, float]:
    """A series that skips a bucket must not make a dent in the sum of its group."""
    times = sorted(values)
    bridged = dict(values)
    for left, right in itertools.pairwise(times):
        if step_s < right - left <= INTERPOLATE_S:
            for time in range(left + step_s, right, step_s):
                bridged[time] = values[left] + (values[right] - values[left]) * (time - left) / (right - left)
    return bridged


def _filled(values: dict[int, float], fill: Fill, grid: Grid) -> dict[int, float]:
    if fill.how == "null" or not values:
        return values
    limit_s = fill.limit_s or INTERPOLATE_S
    if fill.how == "linear":
        return _bridged(values, grid.step_s)
    filled, last = {}, None
    for time in grid.times():
        if time in values:
            last = time
            filled[time] = values[time]
        elif fill.how == "zero":
            filled[time] = 0.0
        elif last is not None and time - last <= limit_s:
            filled[time] = values[last]
    return filled


def _combine(operator: str, left: list[Line], right: list[Line]) -> list[Line]:
    """Line by line, matched by their groups; a single line without a group goes with every other."""
    if len(left) == 1 and not left[0].tags:
        return [_operate(operator, left[0], line, line) for line in right]
    if len(right) == 1 and not right[0].tags:
        return [_operate(operator, line, right[0], line) for line in left]
    by_group = {frozenset(line.tags): line for line in right}
    pairs = ((line, by_group.get(frozenset(line.tags))) for line in left)
    return [_operate(operator, line, other, line) for line, other in pairs if other is not None]


def _operate(operator: str, left: Line, right: Line, shape: Line) -> Line:
    values: dict[int, float] = {}
    for time, a in left.values.items():
        b = right.values.get(time)
        if b is None or (operator == "/" and b == 0):
            continue
        values[time] = {"+": a + b, "-": a - b, "*": a * b}[operator] if operator != "/" else a / b
    constant = left.constant and right.constant
    named = left if shape.constant and not left.constant else shape
    return replace(named, tags=shape.tags, values=values, constant=constant)

"""
The functions of the metric query language, each from lines to lines.

What Datadog computes by models of its own (anomalies, forecast, outliers) is refused.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from drillyard.telemetry.metrics.lines import Grid, Line
from drillyard.telemetry.metrics.query.nodes import Call, MetricQueryError

Values = Mapping[int, float]

_SHIFTS = {"hour_before": -3_600, "day_before": -86_400, "week_before": -604_800, "month_before": -2_592_000}
_PLAIN: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "ceil": math.ceil,
    "floor": math.floor,
    "round": round,
    "log2": lambda value: math.log2(value) if value > 0 else math.nan,
    "log10": lambda value: math.log10(value) if value > 0 else math.nan,
}
_PER = {"per_second": 1, "per_minute": 60, "per_hour": 3_600, "derivative": 1, "diff": 0, "monotonic_diff": 0, "dt": 0}
_NAMED = (
    *("top", "bottom", "topk", "count_nonzero", "count_not_null", "default_zero", "exclude_null", "timeshift"),
    *("cumsum", "integral", "moving_rollup", "clamp_min", "clamp_max", "cutoff_min", "cutoff_max"),
)
_EWMA = {"ewma_3": 3, "ewma_5": 5, "ewma_7": 7, "ewma_10": 10, "ewma_20": 20}


def shift_of(call: Call) -> int | None:
    """Seconds by which a function looks away from the window; None for all others. Raises MetricQueryError."""
    if call.function == "timeshift":
        seconds = _number(call, 0)
        if abs(seconds) > 366 * 86_400:
            raise MetricQueryError("timeshift looks at most a year away.")
        return int(seconds)
    return _SHIFTS.get(call.function)


def call(asked: Call, lines: Sequence[Line], grid: Grid) -> list[Line]:
    """Applies a function. Raises MetricQueryError for an unknown one or a missing argument."""
    name = asked.function
    if name in ("top", "bottom", "topk"):
        return _top(asked, lines)
    if name in ("count_nonzero", "count_not_null"):
        return _counted(name, lines)
    if name == "default_zero":
        return _zeroed(lines, grid)
    if name == "exclude_null":
        return [line for line in lines if line.values and not any(tag.endswith(":N/A") for tag in line.tags)]
    change = _per_line(asked, grid)
    changed = [replace(line, values=change(dict(sorted(line.values.items())))) for line in lines]
    return changed


def _per_line(asked: Call, grid: Grid) -> Callable[[dict[int, float]], dict[int, float]]:
    name = asked.function
    if name in _PLAIN:
        apply = _PLAIN[name]
        return lambda values: {t: float(v) for t, a in values.items() if not math.isnan(v := apply(a))}
    if name in _PER:
        return lambda values: _differences(values, _PER[name], monotonic=name == "monotonic_diff")
    if name in _EWMA:
        return lambda values: _weighted(values, _EWMA[name])
    match name:
        case "cumsum":
            return lambda values: _running(values, 1)
        case "integral":
            return lambda values: _running(values, grid.step_s)
        case "moving_rollup":
            window_s, method = _number(asked, 0), str(asked.arguments[1]) if len(asked.arguments) > 1 else "avg"
            return lambda values: _moving(values, window_s, method)
        case "clamp_min":
            low = _number(asked, 0)
            return lambda values: {time: max(value, low) for time, value in values.items()}
        case "clamp_max":
            high = _number(asked, 0)
            return lambda values: {time: min(value, high) for time, value in values.items()}
        case "cutoff_min":
            least = _number(asked, 0)
            return lambda values: {time: value for time, value in values.items() if value >= least}
        case "cutoff_max":
            most = _number(asked, 0)
            return lambda values: {time: value for time, value in values.items() if value <= most}
    known = ", ".join(sorted({*_PLAIN, *_PER, *_EWMA, *_SHIFTS, *_NAMED}))
    raise MetricQueryError(f"The function {name}() is not available here.", hint=f"There are {known}.")


def _number(asked: Call, place: int) -> float:
    if len(asked.arguments) <= place or not isinstance(asked.arguments[place], float):
        raise MetricQueryError(f"{asked.function}() needs a number as argument {place + 2}.")
    return float(asked.arguments[place])


def _differences(values: dict[int, float], per_s: int, *, monotonic: bool) -> dict[int, float]:
    found: dict[int, float] = {}
    times = list(values)
    for left, right in itertools.pairwise(times):
        change = values[right] - values[left]
        if monotonic and change < 0:  # A counter that started again.
            continue
        found[right] = change * per_s / (right - left) if per_s else change
    return found


def _running(values: dict[int, float], factor: float) -> dict[int, float]:
    total, found = 0.0, {}
    for time, value in values.items():
        total += value * factor
        found[time] = total
    return found


def _weighted(values: dict[int, float], span: int) -> dict[int, float]:
    weight, found, last = 2 / (span + 1), {}, None
    for time, value in values.items():
        last = value if last is None else weight * value + (1 - weight) * last
        found[time] = last
    return found


def _moving(values: dict[int, float], window_s: float, method: str) -> dict[int, float]:
    found = {}
    for time in values:
        window = [value for other, value in values.items() if time - window_s < other <= time]
        found[time] = summary(window, method)
    return found


def summary(values: Sequence[float], method: str) -> float:
    """One figure for a line. Raises MetricQueryError for an unknown method."""
    match method:
        case "mean" | "avg":
            return math.fsum(values) / len(values)
        case "sum":
            return math.fsum(values)
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "last":
            return values[-1]
        case "count":
            return float(len(values))
        case "l2norm" | "norm":
            return math.sqrt(math.fsum(value * value for value in values))
        case "percentile" | "median":
            ordered = sorted(values)
            return ordered[len(ordered) // 2]
    raise MetricQueryError(f"{method} is no way to sum up a line. Use mean, sum, min, max, last or l2norm.")


def _top(asked: Call, lines: Sequence[Line]) -> list[Line]:
    count = int(_number(asked, 0))
    method = str(asked.arguments[1]) if len(asked.arguments) > 1 else "mean"
    order = str(asked.arguments[2]) if len(asked.arguments) > 2 else ("asc" if asked.function == "bottom" else "desc")
    filled = [line for line in lines if line.values]
    ranked = sorted(filled, key=lambda line: summary(list(line.values.values()), method), reverse=order == "desc")
    return ranked[: max(0, count)]


def _counted(name: str, lines: Sequence[Line]) -> list[Line]:
    if not lines:
        return []
    counts: dict[int, float] = {}
    for line in lines:
        for time, value in line.values.items():
            counts[time] = counts.get(time, 0.0) + (1.0 if name == "count_not_null" or value != 0 else 0.0)
    return [replace(lines[0], tags=(), values=dict(sorted(counts.items())))]


def _zeroed(lines: Sequence[Line], grid: Grid) -> list[Line]:
    """Zero wherever there is no value; without any line, one of zeros, so that a monitor can see the nothing."""
    zeros = dict.fromkeys(grid.times(), 0.0)
    if not lines:
        return [Line((), zeros)]
    return [replace(line, values=zeros | dict(line.values)) for line in lines]

"""
Functions over ranges: rates with counter resets and Prometheus' extrapolation, and the `_over_time` family.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from drillyard.telemetry.prometheus.numbers import greatest, least, mean, total
from drillyard.telemetry.prometheus.values import Sample, Span, Track, Vector, without_name

Reduce = Callable[[Track, Span], float | None]


def _extrapolated(track: Track, span: Span, *, counter: bool, per_second: bool) -> float | None:
    """
    Prometheus' `extrapolatedRate`: the change seen, stretched to the range's ends if the series may have reached them.

    Stretched by at most half a sample interval beyond 1.1 intervals, and a counter never below zero.
    """
    times, values = track.times, track.values
    if len(times) < 2:
        return None
    change = values[-1] - values[0]
    if counter:
        change += sum(left for left, right in pairwise(values) if right < left)
    sampled_s = times[-1] - times[0]
    if sampled_s <= 0:
        return None
    average_s = sampled_s / (len(times) - 1)
    to_start_s, to_end_s = times[0] - span.start_s, span.end_s - times[-1]
    limit_s = average_s * 1.1
    to_start_s = average_s / 2 if to_start_s >= limit_s else to_start_s
    if counter and change > 0 and values[0] >= 0:
        to_start_s = min(to_start_s, sampled_s * values[0] / change)
    to_end_s = average_s / 2 if to_end_s >= limit_s else to_end_s
    result = change * (sampled_s + to_start_s + to_end_s) / sampled_s
    return result / (span.end_s - span.start_s) if per_second else result


def _instant(track: Track, *, counter: bool, per_second: bool) -> float | None:
    """From the last two points alone."""
    if len(track.times) < 2:
        return None
    before, last = track.values[-2:]
    change = last if counter and last < before else last - before
    return change / (track.times[-1] - track.times[-2]) if per_second else change


def _regression(track: Track, at_s: float) -> tuple[float, float] | None:
    """Slope per second and value at a moment, by least squares."""
    if len(track.times) < 2:
        return None
    xs = [time - at_s for time in track.times]
    mean_x, mean_y = total(xs) / len(xs), total(track.values) / len(xs)
    spread = total([(x - mean_x) ** 2 for x in xs])
    if not spread:
        return None
    slope = total([(x - mean_x) * (y - mean_y) for x, y in zip(xs, track.values, strict=True)]) / spread
    return slope, mean_y - slope * mean_x


def deviation(values: Sequence[float]) -> float:
    """The population's variance."""
    middle = mean(values)
    return mean([(value - middle) ** 2 for value in values])


def quantile(values: Sequence[float], rank: float) -> float:
    """Linear between neighbours; ±infinity outside of 0 to 1, as in Prometheus."""
    if not values or math.isnan(rank):
        return math.nan
    if rank < 0:
        return -math.inf
    if rank > 1:
        return math.inf
    ordered = sorted(values)
    place = rank * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] * (1 - (place - below)) + ordered[above] * (place - below)


RANGE_FUNCTIONS: dict[str, Reduce] = {
    "rate": lambda track, span: _extrapolated(track, span, counter=True, per_second=True),
    "increase": lambda track, span: _extrapolated(track, span, counter=True, per_second=False),
    "delta": lambda track, span: _extrapolated(track, span, counter=False, per_second=False),
    "irate": lambda track, span: _instant(track, counter=True, per_second=True),
    "idelta": lambda track, span: _instant(track, counter=False, per_second=False),
    "deriv": lambda track, span: None if (line := _regression(track, track.times[0])) is None else line[0],
    "changes": lambda track, span: float(sum(left != right for left, right in pairwise(track.values))),
    "resets": lambda track, span: float(sum(right < left for left, right in pairwise(track.values))),
    "avg_over_time": lambda track, span: mean(track.values),
    "min_over_time": lambda track, span: least(track.values),
    "max_over_time": lambda track, span: greatest(track.values),
    "sum_over_time": lambda track, span: total(track.values),
    "count_over_time": lambda track, span: float(len(track.values)),
    "last_over_time": lambda track, span: track.values[-1],
    "present_over_time": lambda track, span: 1.0,
    "stdvar_over_time": lambda track, span: deviation(track.values),
    "stddev_over_time": lambda track, span: math.sqrt(deviation(track.values)),
}


def over_range(span: Span, reduce: Reduce, *, keep_name: bool = False) -> Vector:
    """One sample for each track that has enough points."""
    found = ((track, reduce(track, span)) for track in span.tracks if track.times)
    return [
        Sample(track.labels if keep_name else without_name(track.labels), value)
        for track, value in found
        if value is not None
    ]


def predicted(span: Span, at_s: float, ahead_s: float) -> Vector:
    """`predict_linear`: the value so many seconds from now."""

    def reduce(track: Track, _: Span) -> float | None:
        line = _regression(track, at_s)
        return None if line is None else line[0] * ahead_s + line[1]

    return over_range(span, reduce)

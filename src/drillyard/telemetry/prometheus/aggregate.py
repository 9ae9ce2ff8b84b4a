"""
PromQL's aggregations: `sum by (a) (…)`, `topk(3, …)` and their like.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

from drillyard.telemetry.prometheus.label_functions import check_label
from drillyard.telemetry.prometheus.numbers import greatest, least, mean, total, written
from drillyard.telemetry.prometheus.rates import deviation, quantile
from drillyard.telemetry.prometheus.values import NAME, Labels, PromqlError, Sample, Value, Vector, key_of

_REDUCE: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": total,
    "avg": mean,
    "min": least,
    "max": greatest,
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stdvar": deviation,
    "stddev": lambda values: math.sqrt(deviation(values)),
}


def aggregate(name: str, vector: Vector, labels: Collection[str], *, without: bool, parameter: Value | None) -> Vector:
    """Raises PromqlError."""
    groups: dict[tuple[tuple[str, str], ...], Vector] = {}
    for sample in vector:
        kept = _kept(sample.labels, labels, without=without)
        groups.setdefault(key_of(kept), []).append(sample)
    found: Vector = []
    for key, members in groups.items():
        found += _one(name, dict(key), members, parameter)
    return found


def _kept(labels: Labels, named: Collection[str], *, without: bool) -> Labels:
    if without:
        return {name: value for name, value in labels.items() if name not in named and name != NAME}
    return {name: labels[name] for name in named if name in labels}


def _one(name: str, labels: Labels, members: Vector, parameter: Value | None) -> Vector:
    values = [sample.value for sample in members]
    if name in _REDUCE:
        return [Sample(labels, _REDUCE[name](values))]
    if name == "quantile":
        if not isinstance(parameter, float):
            raise PromqlError("quantile needs a number.")
        return [Sample(labels, quantile(values, parameter))]
    if name in ("topk", "bottomk"):
        count = max(0, min(len(members), int(_number(name, parameter))))
        sign = -1.0 if name == "topk" else 1.0
        return sorted(members, key=lambda sample: (math.isnan(sample.value), sign * sample.value))[:count]
    if name == "count_values":
        if not isinstance(parameter, str):
            raise PromqlError("count_values needs the name of a label.")
        check_label(parameter, "count_values")
        counts: dict[str, int] = {}
        for value in values:
            counts[written(value)] = counts.get(written(value), 0) + 1
        return [Sample(labels | {parameter: text}, float(count)) for text, count in counts.items()]
    raise PromqlError(f"The aggregation {name} is not available here.")


def _number(name: str, parameter: Value | None) -> float:
    if not isinstance(parameter, int | float) or not math.isfinite(parameter):
        raise PromqlError(f"{name} needs a finite number.")
    return float(parameter)

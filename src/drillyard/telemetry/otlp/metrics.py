"""
OTLP metrics as points.

Gauges and cumulative sums are kept as they are (Datadog's `raw_value` mode), delta sums as counts. A histogram or
summary becomes `name.count` and `name.sum`, with `name.min` and `name.max` where given, and `name.quantile`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from drillyard.telemetry.logs.intake import IntakeError, normal_tags
from drillyard.telemetry.logs.record import as_text
from drillyard.telemetry.metrics.store import Point
from drillyard.telemetry.otlp.values import Resource, Taken, attributes, items, objects, real, time_ns, whole

POINTS_MAX = 20_000
_DELTA = (1, "AGGREGATION_TEMPORALITY_DELTA")
_NO_RECORDED_VALUE = 1
"""DataPointFlags (opentelemetry-proto `metrics.proto`): the series has gone stale."""
_KINDS = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")


def read_metrics(body: Mapping[str, Any], now_ms: int) -> Taken[Point]:
    """
    From an ExportMetricsServiceRequest. Raises IntakeError.

    A data point that is no number, or has no name to go under, is left out; a point that says itself that nothing was
    recorded (the flag NO_RECORDED_VALUE) is none.
    """
    taken: Taken[Point] = Taken()
    for resource, metric in items(body, "resourceMetrics", "scopeMetrics", "metrics"):
        name = re.sub(r"[^A-Za-z0-9_.]", "_", str(metric.get("name") or ""))[:200]
        for kind in _KINDS:
            data = metric.get(kind)
            if data is None:
                continue
            if not isinstance(data, dict):
                raise IntakeError(f"{kind} must be an object.")
            counted = "count" if data.get("aggregationTemporality") in _DELTA else "gauge"
            for point in objects(data, "dataPoints"):
                try:
                    taken.found += _points(resource, name, kind, counted, point, now_ms)
                except IntakeError as wrong:
                    taken.reject(wrong)
                if len(taken.found) > POINTS_MAX:
                    raise IntakeError(f"More than {POINTS_MAX} points in one request.", 413)
    return taken


def _points(
    resource: Resource, name: str, kind: str, counted: str, point: Mapping[str, Any], now_ms: int
) -> list[Point]:
    if whole(point.get("flags") or 0, "flags") & _NO_RECORDED_VALUE:
        return []
    if not name[:1].isalpha():
        raise IntakeError("The name of a metric must begin with a letter.")
    at_s = time_ns(point, "timeUnixNano", now_ms * 1_000_000) // 1_000_000_000
    if not 0 < at_s < now_ms // 1000 + 86_400:
        raise IntakeError("The time of a point must not be in the future.")
    own = [
        f"{key}:{as_text(value)}" for key, value in attributes(point).items() if isinstance(value, str | int | float)
    ]
    tags = {*resource.tags, *normal_tags(own), f"service:{resource.service.lower()}"}
    if resource.host:
        tags.add(f"host:{resource.host.lower()}")
    return [
        Point(f"{name}{ending}", tuple(sorted({*tags, *more})), at_s, value, counted if adds else "gauge")
        for ending, value, adds, more in _figures(kind, point)
    ]


def _figures(kind: str, point: Mapping[str, Any]) -> Iterator[tuple[str, float, bool, tuple[str, ...]]]:
    """(ending of the name, value, whether it adds up over time, further tags)."""
    if kind in ("gauge", "sum"):
        value = point.get("asDouble")
        found = real(value, "asDouble") if value is not None else float(whole(point.get("asInt"), "asInt"))
        yield "", found, kind == "sum", ()
        return
    yield ".count", float(whole(point.get("count") or 0, "count")), True, ()
    for name in ("sum", "min", "max"):
        if point.get(name) is not None:
            yield f".{name}", real(point[name], name), name == "sum", ()
    for part in objects(point, "quantileValues"):
        quantile = real(part.get("quantile") or 0, "quantile")
        yield ".quantile", real(part.get("value") or 0, "value"), False, (f"quantile:{quantile:g}",)

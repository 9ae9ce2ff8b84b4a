"""
Figures over logs: `POST /api/v2/logs/analytics/aggregate`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer, request_id
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import needed_text, section, sections, text, whole_number
from drillyard.telemetry.api.pages import read_window
from drillyard.telemetry.logs.aggregate import (
    AGGREGATIONS,
    COMPUTES_MAX,
    Bucket,
    Compute,
    Group,
    aggregate,
    facet,
    read_interval,
)
from drillyard.telemetry.logs.query import parse
from drillyard.telemetry.logs.record_store import Window
from drillyard.telemetry.telemetry import Telemetry

GROUP_BY_MAX = 4


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def figures(request: Request) -> Response:
        started_s = time.monotonic()
        body = await read_object(request)
        asked = section(body, "filter")
        query, window = text(asked, "query", "*"), read_window(asked, telemetry.now_ms())
        parse(query)
        computes = read_computes(body, window)
        groups = read_groups(body, computes)
        found = await telemetry.read(lambda: aggregate(telemetry.logs, query, window, computes, groups))
        meta = {
            "elapsed": round((time.monotonic() - started_s) * 1000),
            "request_id": request_id(),
            "status": "done",
        }
        return answer({"meta": meta, "data": {"buckets": [_show(bucket) for bucket in found]}})

    return [Route("/api/v2/logs/analytics/aggregate", figures, methods=["POST"])]


def read_computes(body: Mapping[str, Any], window: Window) -> list[Compute]:
    """The figures asked for; a count if none is. Raises ApiError, AggregateError, TimeError."""
    computes = []
    for part in sections(body, "compute", COMPUTES_MAX):
        aggregation = needed_text(part, "aggregation")
        if aggregation not in AGGREGATIONS:
            raise ApiError(400, f"aggregation must be one of {', '.join(AGGREGATIONS)}.")
        kind = text(part, "type", "total")
        if kind not in ("total", "timeseries"):
            raise ApiError(400, "type must be total or timeseries.")
        metric = text(part, "metric")
        if not metric and aggregation != "count":
            raise ApiError(400, f"{aggregation} needs a metric.")
        interval = read_interval(text(part, "interval") or None, window) if kind == "timeseries" else None
        computes.append(Compute(aggregation, facet(metric) if metric and metric != "*" else None, interval))
    return computes or [Compute()]


def read_groups(body: Mapping[str, Any], computes: list[Compute]) -> list[Group]:
    """The splits asked for. Raises ApiError, AggregateError."""
    groups = []
    for part in sections(body, "group_by", GROUP_BY_MAX):
        name, missing = needed_text(part, "facet"), part.get("missing")
        sort = section(part, "sort")
        groups.append(
            Group(
                name,
                facet(name),
                whole_number(part, "limit", 10, 1, 10_000),
                None if missing is None else str(missing),
                _sort_by(sort, computes),
                text(sort, "order", "desc") == "asc",
                _histogram(part),
            )
        )
    return groups


def _sort_by(sort: Mapping[str, Any], computes: list[Compute]) -> int | None:
    kind = text(sort, "type", "alphabetical" if "order" in sort and "aggregation" not in sort else "measure")
    if kind not in ("alphabetical", "measure"):
        raise ApiError(400, "type of a sort must be alphabetical or measure.")
    if kind == "alphabetical":
        return None
    if "aggregation" not in sort:
        return 0
    metric = text(sort, "metric")
    wanted = (text(sort, "aggregation"), facet(metric) if metric and metric != "*" else None)
    for number, compute in enumerate(computes):
        if (compute.aggregation, compute.metric) == wanted:
            return number
    raise ApiError(400, "A sort must name one of the computes.")


def _histogram(part: Mapping[str, Any]) -> tuple[float, float, float] | None:
    asked = section(part, "histogram")
    if not asked:
        return None
    numbers = [asked.get(name) for name in ("interval", "min", "max")]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in numbers):
        raise ApiError(400, "histogram needs the numbers interval, min and max.")
    interval, low, high = (float(value) for value in numbers if value is not None)
    if interval <= 0 or high <= low:
        raise ApiError(400, "histogram needs an interval above 0 and a max above its min.")
    return interval, low, high


def _show(bucket: Bucket) -> dict[str, Any]:
    return {"by": bucket.by, "computes": {f"c{number}": value for number, value in enumerate(bucket.computes)}}

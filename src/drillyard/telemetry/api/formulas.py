"""
Formulas over named queries, second version: `POST /api/v2/query/timeseries` and `/api/v2/query/scalar`.

A query reads metrics, logs or events; a formula combines queries by their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import needed_text, section, sections, text, whole_number
from drillyard.telemetry.api.logs_aggregate import read_groups
from drillyard.telemetry.api.metric_query import unit_of
from drillyard.telemetry.logs.aggregate import AGGREGATIONS, Compute, aggregate, facet
from drillyard.telemetry.logs.record_store import Window
from drillyard.telemetry.metrics.evaluate import evaluate, grid_for
from drillyard.telemetry.metrics.functions import summary
from drillyard.telemetry.metrics.lines import Grid, Line
from drillyard.telemetry.metrics.query.parser import parse_query
from drillyard.telemetry.telemetry import Telemetry
from drillyard.telemetry.times import parse_time

QUERIES_MAX = 20
FORMULAS_MAX = 20
TIME_MAX_MS = 4_000_000_000_000
AGGREGATORS = ("avg", "min", "max", "sum", "last", "percentile", "mean", "l2norm", "area")
_INVALID = "API input validation failed: "


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def timeseries(request: Request) -> Response:
        asked = _attributes(await read_object(request), "timeseries_request")
        lines = await telemetry.read(lambda: _evaluate(telemetry, asked))
        times = sorted({time for _, group in lines for line in group for time in line.values})
        series, values = [], []
        for number, group in lines:
            for line in group:
                unit = unit_of(line.metric)
                series.append({"group_tags": list(line.tags), "query_index": number, "unit": unit})
                values.append([line.values.get(time) for time in times])
        attributes = {"series": series, "times": [time * 1000 for time in times], "values": values}
        return answer({"data": {"id": "0", "type": "timeseries_response", "attributes": attributes}})

    async def scalar(request: Request) -> Response:
        asked = _attributes(await read_object(request), "scalar_request")
        lines = await telemetry.read(lambda: _evaluate(telemetry, asked))
        columns = _columns(asked, lines)
        return answer({"data": {"id": "0", "type": "scalar_response", "attributes": {"columns": columns}}})

    return [
        Route("/api/v2/query/timeseries", timeseries, methods=["POST"]),
        Route("/api/v2/query/scalar", scalar, methods=["POST"]),
    ]


def _attributes(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    data = section(body, "data")
    if data.get("type") != kind:
        raise ApiError(400, f"{_INVALID}data.type must be {kind}.")
    return section(data, "attributes")


def _evaluate(telemetry: Telemetry, asked: Mapping[str, Any]) -> list[tuple[int, list[Line]]]:
    """The lines of each formula, or of each query when there is none."""
    for name in ("from", "to"):
        if asked.get(name) is None:
            raise ApiError(400, f"{_INVALID}{name} is missing.")
    window = Window(*(parse_time(asked[name], telemetry.now_ms()) for name in ("from", "to")))
    step_s = whole_number(asked, "interval", 0, 0, TIME_MAX_MS) // 1000 or None
    queries = sections(asked, "queries", QUERIES_MAX)
    if not queries:
        raise ApiError(400, f"{_INVALID}queries is missing.")
    named = {
        text(query, "name") or f"query{number}": _query(telemetry, query, window, step_s)
        for number, query in enumerate(queries)
    }
    formulas = sections(asked, "formulas", FORMULAS_MAX)
    if not formulas:
        return list(enumerate(named.values()))
    found = []
    for number, formula in enumerate(formulas):
        tree = parse_query(needed_text(formula, "formula"), names=named.keys())
        grid = grid_for(tree, window.from_ms // 1000, window.to_ms // 1000, step_s)
        lines = evaluate(tree, telemetry.metrics.series, grid, named)
        limit = section(formula, "limit")
        count = whole_number(limit, "count", len(lines), 0, 10_000)
        if limit:
            ascending = text(limit, "order", "desc") == "asc"
            lines = sorted((line for line in lines if line.values), key=_mean, reverse=not ascending)[:count]
        found.append((number, lines))
    return found


def _mean(line: Line) -> float:
    return summary(list(line.values.values()), "mean")


def _query(telemetry: Telemetry, query: Mapping[str, Any], window: Window, step_s: int | None) -> list[Line]:
    source = text(query, "data_source", "metrics")
    if source == "metrics":
        tree = parse_query(needed_text(query, "query"))
        grid = grid_for(tree, window.from_ms // 1000, window.to_ms // 1000, step_s)
        return evaluate(tree, telemetry.metrics.series, grid)
    if source not in ("logs", "events", "spans"):
        raise ApiError(400, f"{_INVALID}data_source must be metrics, logs, events or spans.")
    return _records(telemetry, query, window, step_s, source)


def _records(
    telemetry: Telemetry, query: Mapping[str, Any], window: Window, step_s: int | None, source: str
) -> list[Line]:
    """Logs, events or spans counted, or their numbers summed up, over time."""
    asked = section(query, "compute")
    aggregation, metric = text(asked, "aggregation", "count"), text(asked, "metric")
    if aggregation not in AGGREGATIONS or (aggregation != "count" and not metric):
        raise ApiError(400, f"{_INVALID}compute needs one of {', '.join(AGGREGATIONS)}, and a metric unless it counts.")
    grid = grid_for(parse_query("0"), window.from_ms // 1000, window.to_ms // 1000, step_s)
    interval_ms = whole_number(asked, "interval", grid.step_s * 1000, 1_000, TIME_MAX_MS)
    compute = Compute(aggregation, facet(metric) if metric else None, interval_ms)
    groups = read_groups({"group_by": query.get("group_by")}, [compute])
    store = {"logs": telemetry.logs, "events": telemetry.events, "spans": telemetry.spans}[source]
    search = text(section(query, "search"), "query", "*")
    buckets = aggregate(store, search, window, [compute], groups)
    lines = []
    for bucket in buckets:
        tags = tuple(f"{name}:{value}" for name, value in bucket.by.items())
        points = {parse_time(point["time"], 0) // 1000: float(point["value"]) for point in bucket.computes[0]}
        lines.append(Line(tags, _whole(points, grid, aggregation)))
    return lines


def _whole(points: dict[int, float], grid: Grid, aggregation: str) -> dict[int, float]:
    """Where nothing was logged, the count is zero."""
    if aggregation not in ("count", "cardinality") or not all(time % grid.step_s == 0 for time in points):
        return points
    return dict.fromkeys(grid.times(), 0.0) | points


def _columns(asked: Mapping[str, Any], lines: list[tuple[int, list[Line]]]) -> list[dict[str, Any]]:
    """One column for each tag that groups, then one for each formula; rows are the groups."""
    queries = sections(asked, "queries", QUERIES_MAX)
    formulas = sections(asked, "formulas", FORMULAS_MAX)
    rows = list(dict.fromkeys(line.tags for _, group in lines for line in group if line.values))
    keys = list(dict.fromkeys(tag.partition(":")[0] for row in rows for tag in row))
    columns: list[dict[str, Any]] = []
    for key in keys:
        values = [[tag.partition(":")[2] for tag in row if tag.startswith(f"{key}:")] for row in rows]
        columns.append({"name": key, "type": "group", "values": values})
    for number, group in lines:
        query = queries[min(number, len(queries) - 1)]
        source = section(query, "compute").get("aggregation") if "compute" in query else None
        method = text(query, "aggregator") or ("sum" if source == "count" else "avg")
        if method not in AGGREGATORS:
            raise ApiError(400, f"{_INVALID}aggregator must be one of {', '.join(AGGREGATORS)}.")
        by_tags = {line.tags: line for line in group if line.values}
        numbers = [_scalar(by_tags[row], method) if row in by_tags else None for row in rows]
        name = text(formulas[number], "alias") if formulas else text(query, "name")
        unit = unit_of(group[0].metric) if group else None
        name = name or (text(formulas[number], "formula") if formulas else f"query{number}")
        columns.append({"name": name, "type": "number", "values": numbers, "meta": {"unit": unit}})
    return columns


def _scalar(line: Line, method: str) -> float:
    ordered = sorted(line.values.items())
    values = [value for _, value in ordered]
    if method == "area":
        times = [time for time, _ in ordered]
        step = times[1] - times[0] if len(times) > 1 else 1
        return summary(values, "sum") * step
    return summary(values, method)

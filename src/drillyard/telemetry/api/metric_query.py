"""
Reading metrics, first version: `GET /api/v1/query`.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.fields import needed_text, whole_number
from drillyard.telemetry.metrics.catalogue import KNOWN
from drillyard.telemetry.metrics.evaluate import evaluate, grid_for
from drillyard.telemetry.metrics.lines import Grid, Line
from drillyard.telemetry.metrics.query.nodes import MetricQueryError
from drillyard.telemetry.metrics.query.parser import parse_query
from drillyard.telemetry.telemetry import Telemetry

TIME_MAX_S = 4_000_000_000


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def query(request: Request) -> Response:
        given = dict(request.query_params)
        text = needed_text(given, "query")
        for name in ("from", "to"):
            needed_text(given, name)
        from_s, to_s = (whole_number(given, name, 0, 0, TIME_MAX_S) for name in ("from", "to"))

        def look() -> tuple[Grid, list[Line]]:
            tree = parse_query(text)
            grid = grid_for(tree, from_s, to_s)
            return grid, evaluate(tree, telemetry.metrics.series, grid)

        try:
            grid, lines = await telemetry.read(look)
        except MetricQueryError as wrong:
            raise ApiError(400, f"Error parsing query: {wrong}") from wrong
        return answer(
            {
                "status": "ok",
                "res_type": "time_series",
                "resp_version": 1,
                "query": text,
                "from_date": from_s * 1000,
                "to_date": to_s * 1000,
                "series": [_show(line, text, grid) for line in lines if line.values],
                "values": [],
                "times": [],
                "message": "",
                "group_by": sorted({tag.partition(":")[0] for line in lines for tag in line.tags}),
            }
        )

    return [Route("/api/v1/query", query, methods=["GET"])]


def _show(line: Line, text: str, grid: Grid) -> dict[str, Any]:
    points = [[time * 1000, value] for time, value in sorted(line.values.items())]
    return {
        "metric": line.metric or text,
        "display_name": line.metric or text,
        "expression": text,
        "scope": line.scope,
        "tag_set": list(line.tags),
        "pointlist": points,
        "start": points[0][0],
        "end": points[-1][0] + (grid.step_s - 1) * 1000,
        "interval": grid.step_s,
        "length": len(points),
        "aggr": line.aggregator,
        "query_index": 0,
        "unit": unit_of(line.metric),
        "attributes": {},
    }


def unit_of(metric: str) -> list[Any] | None:
    """The unit as `[unit, per]`, None for plain numbers."""
    known = KNOWN.get(metric)
    if known is None or not known.unit:
        return None
    unit = {"family": "general", "name": known.unit, "plural": f"{known.unit}s", "short_name": known.unit[:4]}
    return [unit | {"scale_factor": 1.0}, None]

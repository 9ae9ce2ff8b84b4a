"""
What this telemetry does not keep, read as in an account that has none of it: traces, dashboards, SLOs, downtimes.

Investigators' tools look there as a matter of course, and an empty list is the true answer. Writing there is refused.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer, request_id
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import section
from drillyard.telemetry.api.pages import read_window
from drillyard.telemetry.telemetry import Telemetry

_USER = {"type": "users", "id": "drillyard", "attributes": {"name": "on-call", "handle": "on-call", "status": "Active"}}
_EMPTY: dict[str, Any] = {
    "/api/v1/dashboard": {"dashboards": []},
    "/api/v1/slo": {"data": [], "error": None, "metadata": {"page": {"total_count": 0, "total_filtered_count": 0}}},
    "/api/v1/downtime": [],
    "/api/v2/downtime": {"data": [], "meta": {"page": {"total_filtered_count": 0}}},
    "/api/v1/notebooks": {"data": [], "meta": {"page": {"total_count": 0, "total_filtered_count": 0}}},
    "/api/v2/team": {"data": [], "meta": {"pagination": {"total": 0, "type": "number_size"}}},
    "/api/v2/services/definitions": {"data": []},
    "/api/v2/container_images": {"data": [], "meta": {"pagination": {"total": 0, "type": "cursor_limit"}}},
    "/api/v2/processes": {"data": [], "meta": {"page": {"size": 0}}},
    "/api/v2/users": {"data": [_USER], "meta": {"page": {"total_count": 1, "total_filtered_count": 1}}},
    "/api/v2/current_user": {"data": _USER},
}


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def empty(request: Request) -> Response:
        return answer(_EMPTY[request.url.path])

    async def spans(request: Request) -> Response:
        data = section(await read_object(request), "data")
        kind = "aggregate_request" if request.url.path.endswith("aggregate") else "search_request"
        if data.get("type") != kind:
            raise ApiError(400, f"data.type must be {kind}.")
        read_window(section(section(data, "attributes"), "filter"), telemetry.now_ms())
        return answer({"data": [], "meta": {"elapsed": 0, "request_id": request_id(), "status": "done"}})

    return [
        *(Route(path, empty, methods=["GET"]) for path in _EMPTY),
        Route("/api/v2/spans/events/search", spans, methods=["POST"]),
        Route("/api/v2/spans/analytics/aggregate", spans, methods=["POST"]),
    ]

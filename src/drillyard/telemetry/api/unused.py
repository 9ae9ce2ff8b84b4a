"""
What this telemetry does not keep, read as in an account that has none of it: teams, synthetic tests, RUM.

Investigators' tools look there as a matter of course, and an empty list is the true answer. Writing there is refused.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import answer
from drillyard.telemetry.telemetry import Telemetry

_USER = {"type": "users", "id": "drillyard", "attributes": {"name": "on-call", "handle": "on-call", "status": "Active"}}
_EMPTY: dict[str, Any] = {
    "/api/v1/dashboard/lists/manual": {"dashboard_lists": []},
    "/api/v1/slo/correction": {"data": [], "meta": {"page": {"total_count": 0, "total_filtered_count": 0}}},
    "/api/v2/rum/applications": {"data": []},
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

    return [Route(path, empty, methods=["GET"]) for path in _EMPTY]

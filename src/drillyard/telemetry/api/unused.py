"""
What this telemetry does not keep, read as in an account that has none of it: teams, RUM, archives and the like.

Investigators' tools look there as a matter of course, and an empty list is the true answer. Writing there is refused.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import whole_number
from drillyard.telemetry.telemetry import Telemetry

_USER = {"type": "users", "id": "drillyard", "attributes": {"name": "on-call", "handle": "on-call", "status": "Active"}}
_ORGANISATION = {"name": "drillyard", "public_id": "drillyard", "description": "A yard", "settings": {}}
_EMPTY: dict[str, Any] = {
    "/api/v1/org": {"orgs": [_ORGANISATION]},
    "/api/v1/dashboard/lists/manual": {"dashboard_lists": []},
    "/api/v1/slo/correction": {"data": [], "meta": {"page": {"total_count": 0, "total_filtered_count": 0}}},
    "/api/v1/synthetics/tests": {"tests": []},
    "/api/v1/synthetics/locations": {"locations": []},
    "/api/v2/logs/config/archives": {"data": []},
    "/api/v2/logs/config/archive-order": {"data": {"type": "archive_order", "attributes": {"archive_ids": []}}},
    "/api/v2/logs/config/metrics": {"data": []},
    "/api/v2/rum/applications": {"data": []},
    "/api/v2/rum/events": {"data": [], "meta": {"status": "done"}},
    "/api/v2/security_monitoring/rules": {"data": [], "meta": {"page": {"total_count": 0, "total_filtered_count": 0}}},
    "/api/v2/security_monitoring/signals": {"data": [], "meta": {}},
    "/api/v2/team": {"data": [], "meta": {"pagination": {"total": 0, "type": "number_size"}}},
    "/api/v2/services/definitions": {"data": []},
    "/api/v2/container_images": {"data": [], "meta": {"pagination": {"total": 0, "type": "cursor_limit"}}},
    "/api/v2/processes": {"data": [], "meta": {"page": {"size": 0}}},
    "/api/v2/incidents/config/types": {"data": []},
    "/api/v2/current_user": {"data": _USER},
}
_NOTHING_FOUND: dict[str, Any] = {
    "/api/v2/rum/events/search": {"data": [], "meta": {"status": "done"}},
    "/api/v2/rum/analytics/aggregate": {"data": {"buckets": []}, "meta": {"status": "done"}},
    "/api/v2/security_monitoring/signals/search": {"data": [], "meta": {}},
}


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def empty(request: Request) -> Response:
        return answer(_EMPTY[request.url.path])

    async def nothing(request: Request) -> Response:
        await read_object(request)
        return answer(_NOTHING_FOUND[request.url.path])

    async def users(request: Request) -> Response:
        """The one user, on the first page only: a client pages on until a page is empty."""
        given = dict(request.query_params)
        wanted, number = given.get("filter", "").lower(), whole_number(given, "page[number]", 0, 0, 1_000_000)
        found = [_USER] if wanted in str(_USER["attributes"]).lower() else []
        page = {"page": {"total_count": 1, "total_filtered_count": len(found)}}
        return answer({"data": found if number == 0 else [], "meta": page})

    async def user(request: Request) -> Response:
        if request.path_params["id"] != _USER["id"]:
            raise ApiError(404, "User not found")
        return answer({"data": _USER})

    return [
        *(Route(path, empty, methods=["GET"]) for path in _EMPTY),
        *(Route(path, nothing, methods=["POST"]) for path in _NOTHING_FOUND),
        Route("/api/v2/users", users, methods=["GET"]),
        Route("/api/v2/users/{id}", user, methods=["GET"]),
    ]

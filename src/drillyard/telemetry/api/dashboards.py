"""
Dashboards: `/api/v1/dashboard`, kept and given back as they were written.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import flag, whole_number
from drillyard.telemetry.dashboards import changed_dashboard, new_dashboard, summary
from drillyard.telemetry.telemetry import Telemetry


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""
    shelf = telemetry.dashboards

    def known(request: Request) -> dict[str, Any]:
        identity = request.path_params["id"]
        found = shelf.get(identity)
        if found is None:
            raise ApiError(404, f"Dashboard with ID {identity[:50]} not found")
        return found

    async def listing(request: Request) -> Response:
        given = dict(request.query_params)
        start, count = whole_number(given, "start", 0, 0, 1_000_000), whole_number(given, "count", 500, 1, 500)
        # Nothing is shared with the world here, and what was deleted is gone.
        none = flag(given, "filter[shared]") or flag(given, "filter[deleted]")
        found = [] if none else shelf.all()
        return answer({"dashboards": [summary(one) for one in found[start : start + count]]})

    async def create(request: Request) -> Response:
        made = new_dashboard(await read_object(request), telemetry.now_ms())
        return answer(shelf.put(made["id"], made))

    async def get(request: Request) -> Response:
        return answer(known(request))

    async def change(request: Request) -> Response:
        before = known(request)
        return answer(
            shelf.put(before["id"], changed_dashboard(before, await read_object(request), telemetry.now_ms()))
        )

    async def delete(request: Request) -> Response:
        identity = known(request)["id"]
        shelf.take(identity)
        return answer({"deleted_dashboard_id": identity})

    return [
        Route("/api/v1/dashboard", listing, methods=["GET"]),
        Route("/api/v1/dashboard", create, methods=["POST"]),
        Route("/api/v1/dashboard/{id}", get, methods=["GET"]),
        Route("/api/v1/dashboard/{id}", change, methods=["PUT"]),
        Route("/api/v1/dashboard/{id}", delete, methods=["DELETE"]),
    ]

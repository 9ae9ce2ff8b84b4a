"""
Where metrics come in: `POST /api/v1/series` and `/api/v2/series` (JSON).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.metrics.intake import read_v1, read_v2
from drillyard.telemetry.telemetry import Telemetry


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def first(request: Request) -> Response:
        await telemetry.metric_writer.add(read_v1(await read_object(request), telemetry.now_ms() // 1000))
        return answer({"status": "ok"}, 202)

    async def second(request: Request) -> Response:
        if "protobuf" in request.headers.get("content-type", ""):
            raise ApiError(415, "Series are taken as JSON here, not as protobuf.")
        await telemetry.metric_writer.add(read_v2(await read_object(request), telemetry.now_ms() // 1000))
        return answer({"errors": []}, 202)

    return [
        Route("/api/v1/series", first, methods=["POST"]),
        Route("/api/v2/series", second, methods=["POST"]),
    ]

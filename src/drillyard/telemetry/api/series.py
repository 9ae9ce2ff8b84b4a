"""
Where metrics come in: `POST /api/v1/series` and `/api/v2/series` (JSON, or the agent's protobuf).
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_body, read_object
from drillyard.telemetry.metrics.intake import read_v1, read_v2
from drillyard.telemetry.telemetry import Telemetry


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def first(request: Request) -> Response:
        await telemetry.metric_writer.add(read_v1(await read_object(request), telemetry.now_ms() // 1000))
        return answer({"status": "ok"}, 202)

    async def second(request: Request) -> Response:
        given = await _payload(request) if _is_protobuf(request) else await read_object(request)
        await telemetry.metric_writer.add(read_v2(given, telemetry.now_ms() // 1000))
        return answer({"errors": []}, 202)

    async def distributions(_: Request) -> Response:
        raise ApiError(400, "Distributions are not kept here: send their values as gauges, counts or rates.")

    return [
        Route("/api/v1/distribution_points", distributions, methods=["POST"]),
        Route("/api/v1/series", first, methods=["POST"]),
        Route("/api/v2/series", second, methods=["POST"]),
    ]


def _is_protobuf(request: Request) -> bool:
    return "protobuf" in request.headers.get("content-type", "")


async def _payload(request: Request) -> dict[str, Any]:
    body = await read_body(request)
    from drillyard.telemetry.metrics.payload import read_payload

    return read_payload(body)

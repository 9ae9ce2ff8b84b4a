"""
Where logs come in: `POST /api/v2/logs` and the older `/v1/input`.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import answer
from drillyard.telemetry.api.body import read_body
from drillyard.telemetry.logs.intake import read_payload
from drillyard.telemetry.telemetry import Telemetry


def routes(telemetry: Telemetry, log_age_max_s: int | None = None) -> list[Route]:
    """The paths of this surface."""

    async def take(request: Request) -> None:
        body = await read_body(request)
        kind = request.headers.get("content-type", "application/json")
        records = read_payload(body, kind, request.query_params, telemetry.now_ms())
        telemetry.pipelines.process(records, telemetry.now_ms())
        oldest_ms = telemetry.now_ms() - log_age_max_s * 1000 if log_age_max_s else 0
        await telemetry.log_writer.add([record for record in records if record.timestamp_ms >= oldest_ms])

    async def logs(request: Request) -> Response:
        await take(request)
        return answer({}, 202)

    async def older(request: Request) -> Response:
        await take(request)
        return answer({})

    return [
        Route("/api/v2/logs", logs, methods=["POST"]),
        Route("/v1/input", older, methods=["POST"]),
        Route("/v1/input/{key}", older, methods=["POST"]),
    ]

"""
OTLP/HTTP in its JSON encoding: `POST /v1/logs`, `/v1/metrics`, `/v1/traces`.

The key travels as Datadog asks for it: `OTEL_EXPORTER_OTLP_HEADERS=dd-api-key=…`.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.otlp.logs import read_logs
from drillyard.telemetry.otlp.metrics import read_metrics
from drillyard.telemetry.otlp.spans import read_spans
from drillyard.telemetry.telemetry import Telemetry


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def logs(request: Request) -> Response:
        now_ms = telemetry.now_ms()
        records = read_logs(await _body(request), now_ms)
        telemetry.pipelines.process(records, now_ms)
        await telemetry.log_writer.add(records)
        return answer({})

    async def metrics(request: Request) -> Response:
        await telemetry.metric_writer.add(read_metrics(await _body(request), telemetry.now_ms()))
        return answer({})

    async def traces(request: Request) -> Response:
        await telemetry.span_writer.add(read_spans(await _body(request), telemetry.now_ms()))
        return answer({})

    return [
        Route("/v1/logs", logs, methods=["POST"]),
        Route("/v1/metrics", metrics, methods=["POST"]),
        Route("/v1/traces", traces, methods=["POST"]),
    ]


async def _body(request: Request) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise ApiError(415, "OTLP is taken as JSON here. Set OTEL_EXPORTER_OTLP_PROTOCOL=http/json.")
    return await read_object(request)

"""
OTLP/HTTP in JSON and protobuf: `POST /v1/logs`, `/v1/metrics`, `/v1/traces`.

The key travels as Datadog asks for it: `OTEL_EXPORTER_OTLP_HEADERS=dd-api-key=…`.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_body, read_object
from drillyard.telemetry.otlp.logs import read_logs
from drillyard.telemetry.otlp.metrics import read_metrics
from drillyard.telemetry.otlp.spans import read_spans
from drillyard.telemetry.telemetry import Telemetry


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def logs(request: Request) -> Response:
        now_ms = telemetry.now_ms()
        records = read_logs(await _body(request, "logs"), now_ms)
        telemetry.pipelines.process(records, now_ms)
        await telemetry.log_writer.add(records)
        return _taken(request)

    async def metrics(request: Request) -> Response:
        await telemetry.metric_writer.add(read_metrics(await _body(request, "metrics"), telemetry.now_ms()))
        return _taken(request)

    async def traces(request: Request) -> Response:
        await telemetry.span_writer.add(read_spans(await _body(request, "traces"), telemetry.now_ms()))
        return _taken(request)

    return [
        Route("/v1/logs", logs, methods=["POST"]),
        Route("/v1/metrics", metrics, methods=["POST"]),
        Route("/v1/traces", traces, methods=["POST"]),
    ]


PROTOBUF = "application/x-protobuf"


async def _body(request: Request, signal: str) -> dict[str, Any]:
    kind = request.headers.get("content-type", "")
    if kind.startswith(PROTOBUF):
        body = await read_body(request)
        from drillyard.telemetry.otlp.protobuf import read_request

        return read_request(body, signal)
    if not kind.startswith("application/json"):
        raise ApiError(415, f"OTLP is taken as application/json or {PROTOBUF}.")
    return await read_object(request)


def _taken(request: Request) -> Response:
    """An empty response message, in the encoding of the request."""
    if request.headers.get("content-type", "").startswith(PROTOBUF):
        return Response(b"", media_type=PROTOBUF)
    return answer({})

"""
OTLP/HTTP in JSON and protobuf: `POST /v1/logs`, `/v1/metrics`, `/v1/traces`.

The key travels as Datadog asks for it: `OTEL_EXPORTER_OTLP_HEADERS=dd-api-key=…`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from errno import ENOSPC
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_body, read_object
from drillyard.telemetry.api.gate import refusal
from drillyard.telemetry.otlp.logs import read_logs
from drillyard.telemetry.otlp.metrics import read_metrics
from drillyard.telemetry.otlp.spans import read_spans
from drillyard.telemetry.otlp.values import Taken
from drillyard.telemetry.telemetry import Telemetry

Handler = Callable[[Request], Awaitable[Response]]


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def logs(request: Request) -> Response:
        now_ms = telemetry.now_ms()
        taken = read_logs(await _body(request, "logs"), now_ms)
        telemetry.pipelines.process(taken.kept(), now_ms)
        await telemetry.log_writer.add(taken.found)
        return _answer(request, "logs", taken)

    async def metrics(request: Request) -> Response:
        taken = read_metrics(await _body(request, "metrics"), telemetry.now_ms())
        await telemetry.metric_writer.add(taken.kept())
        return _answer(request, "metrics", taken)

    async def traces(request: Request) -> Response:
        taken = read_spans(await _body(request, "traces"), telemetry.now_ms())
        await telemetry.span_writer.add(taken.kept())
        return _answer(request, "traces", taken)

    handlers = {"logs": logs, "metrics": metrics, "traces": traces}
    return [Route(f"/v1/{signal}", _telling(handler), methods=["POST"]) for signal, handler in handlers.items()]


PROTOBUF = "application/x-protobuf"
_CODES = {400: 3, 408: 4, 413: 8, 415: 3, 503: 14}
"""google.rpc.Code by HTTP status; 13 (internal) for others."""
_REJECTED = {"logs": "rejectedLogRecords", "metrics": "rejectedDataPoints", "traces": "rejectedSpans"}


def _telling(handler: Handler) -> Handler:
    """
    Tells errors as OTLP/HTTP wants them: a `google.rpc.Status` in the encoding of the request.

    A full disk is 503 here, because exporters try again after that and not after 507.
    """

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except DrillyardError as error:
            refused = refusal(error)
        except OSError as error:
            if error.errno != ENOSPC:
                raise
            refused = refusal(error)
        status = 503 if refused.status_code == 507 else refused.status_code
        told = {"code": _CODES.get(status, 13), "message": orjson.loads(refused.body)["errors"][0]}
        if not request.headers.get("content-type", "").startswith(PROTOBUF):
            return answer(told, status)
        from drillyard.telemetry.otlp.protobuf import write_status

        return Response(write_status(told), status, media_type=PROTOBUF)

    return handle


async def _body(request: Request, signal: str) -> dict[str, Any]:
    kind = request.headers.get("content-type", "")
    if kind.startswith(PROTOBUF):
        body = await read_body(request)
        from drillyard.telemetry.otlp.protobuf import read_request

        return read_request(body, signal)
    if not kind.startswith("application/json"):
        raise ApiError(415, f"OTLP is taken as application/json or {PROTOBUF}.")
    return await read_object(request)


def _answer(request: Request, signal: str, taken: Taken[Any]) -> Response:
    """The response message in the encoding of the request: empty, or what was rejected (OTLP's partial success)."""
    content: dict[str, Any] = {}
    if taken.rejected:
        said = f"{taken.rejected} left out; the first: {taken.why}"
        content = {"partialSuccess": {_REJECTED[signal]: str(taken.rejected), "errorMessage": said}}
    if not request.headers.get("content-type", "").startswith(PROTOBUF):
        return answer(content)
    from drillyard.telemetry.otlp.protobuf import write_response

    return Response(write_response(content, signal), media_type=PROTOBUF)

"""
OTLP in protobuf, what OpenTelemetry's collectors and most SDKs send and read, as the JSON mapping has it.

Imported with the first such request: protobuf and the messages take 65 ms and 4 MB, which a yard whose own services
speak JSON need not pay.
"""

from __future__ import annotations

import base64
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from drillyard.telemetry.logs.intake import IntakeError
from drillyard.telemetry.messages import TEXT, WHOLE, message_class

_REQUESTS: dict[str, type[Message]] = {
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "traces": ExportTraceServiceRequest,
}
_RESPONSES: dict[str, type[Message]] = {
    "logs": ExportLogsServiceResponse,
    "metrics": ExportMetricsServiceResponse,
    "traces": ExportTraceServiceResponse,
}
_Status = message_class({"Status": {"code": (1, WHOLE), "message": (2, TEXT)}}, "Status")
"""`google.rpc.Status`, in which OTLP/HTTP wants every error told."""
_IDS = ("traceId", "spanId", "parentSpanId")


def read_request(body: bytes, signal: str) -> dict[str, Any]:
    """The request as OTLP's JSON has it; `signal` is logs, metrics or traces. Raises IntakeError."""
    message = _REQUESTS[signal]()
    try:
        message.ParseFromString(body)
        found: dict[str, Any] = MessageToDict(message, use_integers_for_enums=True)
    except (DecodeError, RecursionError, ValueError) as wrong:
        raise IntakeError(f"The body is no OTLP request of {signal} in protobuf.") from wrong
    _hexadecimal(found)
    return found


def write_response(found: dict[str, Any], signal: str) -> bytes:
    """The response that OTLP's JSON has so, in protobuf."""
    return ParseDict(found, _RESPONSES[signal]()).SerializeToString()


def write_status(found: dict[str, Any]) -> bytes:
    """A `google.rpc.Status` of a code and a message, in protobuf."""
    return ParseDict(found, _Status()).SerializeToString()


def _hexadecimal(found: Any) -> None:
    """Protobuf's own JSON writes bytes in base64; OTLP's writes ids in hexadecimal."""
    waiting = [found]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            for name in _IDS:
                if isinstance(part.get(name), str):
                    part[name] = base64.b64decode(part[name]).hex()
            waiting += part.values()

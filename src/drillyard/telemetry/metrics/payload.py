"""
Series in protobuf: what the Datadog agent itself posts to `/api/v2/series`.

Source: `MetricPayload` of DataDog/agent-payload, `proto/metrics/agent_payload.proto`; its field numbers stand below.
Types are 0 gauge, 1 count, 2 rate, where the JSON of the public API counts from 0 unspecified to 3 gauge.
Imported with the first such request, as protobuf takes its time.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from drillyard.telemetry.messages import REAL, TEXT, WHOLE, Fields, message_class
from drillyard.telemetry.metrics.intake import SeriesError

_MESSAGES: dict[str, Fields] = {
    "Resource": {"type": (1, TEXT), "name": (2, TEXT)},
    "MetricPoint": {"value": (1, REAL), "timestamp": (2, WHOLE)},
    "MetricSeries": {
        "resources": (1, "Resource"),
        "metric": (2, TEXT),
        "tags": (3, [TEXT]),
        "points": (4, "MetricPoint"),
        "type": (5, WHOLE),
        "interval": (8, WHOLE),
    },
    "MetricPayload": {"series": (1, "MetricSeries")},
}
_JSON_TYPES = {0: 3, 1: 1, 2: 2}
_Payload = message_class(_MESSAGES, "MetricPayload")


def read_payload(body: bytes) -> dict[str, Any]:
    """The payload as the public API has it in JSON. Raises SeriesError."""
    message: Any = _Payload()
    try:
        message.ParseFromString(body)
    except DecodeError as wrong:
        raise SeriesError("The body is no MetricPayload in protobuf.") from wrong
    return {"series": [_series(one) for one in message.series]}


def _series(one: Any) -> dict[str, Any]:
    return {
        "metric": one.metric,
        "type": _JSON_TYPES.get(one.type, one.type + 10),
        "tags": list(one.tags),
        "interval": one.interval,
        "resources": [{"type": resource.type, "name": resource.name} for resource in one.resources],
        "points": [{"timestamp": point.timestamp, "value": point.value} for point in one.points],
    }

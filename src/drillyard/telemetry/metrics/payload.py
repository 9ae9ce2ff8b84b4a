"""
Series in protobuf: what the Datadog agent itself posts to `/api/v2/series`.

Source: `MetricPayload` of DataDog/agent-payload, `proto/metrics/agent_payload.proto`; its field numbers stand below.
Types are 0 gauge, 1 count, 2 rate, where the JSON of the public API counts from 0 unspecified to 3 gauge.
Imported with the first such request, as protobuf takes its time.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from drillyard.telemetry.metrics.intake import SeriesError

_TEXT, _WHOLE, _REAL = (
    FieldDescriptorProto.TYPE_STRING,
    FieldDescriptorProto.TYPE_INT64,
    FieldDescriptorProto.TYPE_DOUBLE,
)
_MESSAGES: dict[str, dict[str, tuple[int, Any]]] = {
    "Resource": {"type": (1, _TEXT), "name": (2, _TEXT)},
    "MetricPoint": {"value": (1, _REAL), "timestamp": (2, _WHOLE)},
    "MetricSeries": {
        "resources": (1, "Resource"),
        "metric": (2, _TEXT),
        "tags": (3, [_TEXT]),
        "points": (4, "MetricPoint"),
        "type": (5, _WHOLE),
        "interval": (8, _WHOLE),
    },
    "MetricPayload": {"series": (1, "MetricSeries")},
}
"""By field: its number, and its type; a list or the name of a message is repeated."""
_JSON_TYPES = {0: 3, 1: 1, 2: 2}


def _payload_class() -> type[Message]:
    file = FileDescriptorProto(name="drillyard/agent_payload.proto", package="drillyard", syntax="proto3")
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            field = described.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
            if isinstance(kind, str):
                field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".drillyard.{kind}"
            else:
                field.type = kind[0] if isinstance(kind, list) else kind
            if isinstance(kind, str | list):
                field.label = FieldDescriptorProto.LABEL_REPEATED
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("drillyard.MetricPayload"))


_Payload = _payload_class()


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

"""
OTLP log records as our records; they then take the same way as every other line, pipelines included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from drillyard.telemetry.logs.intake import IntakeError, to_record
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.otlp.values import Resource, Taken, attributes, items, plain, time_ns, whole

_SEVERITIES = ((21, "critical"), (17, "error"), (13, "warn"), (9, "info"), (1, "debug"))
"""From which SeverityNumber on (opentelemetry-proto `logs.proto`)."""


def read_logs(body: Mapping[str, Any], now_ms: int) -> Taken[Record]:
    """From an ExportLogsServiceRequest. Raises IntakeError."""
    taken: Taken[Record] = Taken()
    for resource, item in items(body, "resourceLogs", "scopeLogs", "logRecords"):
        try:
            taken.found.append(_record(resource, item, now_ms))
        except IntakeError as wrong:
            taken.reject(wrong)
    return taken


def _record(resource: Resource, item: Mapping[str, Any], now_ms: int) -> Record:
    at_ns = time_ns(item, "timeUnixNano") or time_ns(item, "observedTimeUnixNano", now_ms * 1_000_000)
    envelope = {
        "message": _text(plain(item.get("body"))),
        "timestamp": at_ns // 1_000_000,
        "status": _status(item),
        "service": resource.service,
        "hostname": resource.host,
        "ddsource": "otlp",
        "ddtags": ",".join(resource.tags),
    }
    record = to_record(attributes(item) | envelope, now_ms)
    for name, given in (("trace_id", "traceId"), ("span_id", "spanId")):
        if isinstance(item.get(given), str) and item[given]:
            record.hidden[name] = item[given].lower()[:64]
    return record


def _text(body: Any) -> str:
    if body is None:
        return ""
    return body if isinstance(body, str) else orjson.dumps(body).decode()


def _status(item: Mapping[str, Any]) -> str:
    number = whole(item.get("severityNumber") or 0, "severityNumber")
    by_number = next((name for least, name in _SEVERITIES if number >= least), "")
    return by_number or str(item.get("severityText") or "info")[:50]

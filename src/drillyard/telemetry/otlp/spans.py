"""
OTLP spans as records, so that the language of logs finds them as Datadog's span search does.

`service:`, `status:` (ok, error), `trace_id:` and `span_id:` are reserved fields; `operation_name:`, `resource_name:`,
`span_kind:` and `env:` are tags; `@duration` is in nanoseconds; every attribute of the span is an attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drillyard.telemetry.logs.intake import IntakeError
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.otlp.values import DEPTH_MAX, Resource, Taken, attributes, items, time_ns, whole
from drillyard.telemetry.times import iso

_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_HEX = frozenset("0123456789abcdef")
_ERROR = (2, "STATUS_CODE_ERROR")
NAME_MAX = 200
_DATADOG_NAMES = {"http.response.status_code": "http.status_code", "http.request.method": "http.method"}
"""Beside OpenTelemetry's names also those that Datadog's agent gives them, which its clients search for."""


def read_spans(body: Mapping[str, Any], now_ms: int) -> Taken[Record]:
    """From an ExportTraceServiceRequest. Raises IntakeError."""
    taken: Taken[Record] = Taken()
    for resource, span in items(body, "resourceSpans", "scopeSpans", "spans"):
        try:
            taken.found.append(_span(resource, span, now_ms))
        except IntakeError as wrong:
            taken.reject(wrong)
    return taken


def _span(resource: Resource, span: Mapping[str, Any], now_ms: int) -> Record:
    start_ns = time_ns(span, "startTimeUnixNano", now_ms * 1_000_000)
    end_ns = max(time_ns(span, "endTimeUnixNano", start_ns), start_ns)
    own = attributes(span)
    own |= {theirs: own[name] for name, theirs in _DATADOG_NAMES.items() if name in own and theirs not in own}
    kind = _kind(span.get("kind") or 0)
    name = str(span.get("name") or "")[:NAME_MAX]
    operation, shown = f"{kind}.request" if kind in ("server", "client") else kind, _resource_name(own, name)
    status = span.get("status") if isinstance(span.get("status"), dict) else {}
    failed = status is not None and status.get("code") in _ERROR
    if failed and status and isinstance(status.get("message"), str):
        own.setdefault("error.message", status["message"][:NAME_MAX])
    tags = [f"operation_name:{operation}", f"resource_name:{shown.lower()}", f"span_kind:{kind}"]
    return Record(
        timestamp_ms=start_ns // 1_000_000,
        message=shown,
        service=resource.service,
        host=resource.host,
        source="otlp",
        status="error" if failed else "ok",
        tags=[*resource.tags, *tags],
        attributes=own | {"duration": end_ns - start_ns},
        hidden={
            # Half of the digits where only those are used (B3): what the log line of a Spring service shows.
            "trace_id": _identity(span, "traceId", 32).removeprefix("0" * 16),
            "span_id": _identity(span, "spanId", 16),
            "parent_id": _identity(span, "parentSpanId", 16, needed=False) or "0",
            "operation_name": operation,
            "end_ms": end_ns // 1_000_000,
        },
    )


def _resource_name(own: Mapping[str, Any], name: str) -> str:
    """Datadog's rule: method and route of a request, else the span's name."""
    method, route = own.get("http.request.method", own.get("http.method")), own.get("http.route")
    return f"{method} {route}"[:NAME_MAX] if isinstance(method, str) and isinstance(route, str) else name


def _kind(value: Any) -> str:
    if isinstance(value, str):
        value = value.removeprefix("SPAN_KIND_").lower()
        return value if value in _KINDS else "unspecified"
    number = whole(value, "kind")
    return _KINDS[number] if 0 <= number < len(_KINDS) else "unspecified"


def _identity(span: Mapping[str, Any], name: str, length: int, *, needed: bool = True) -> str:
    found = str(span.get(name) or "").lower()
    if not found and not needed:
        return ""
    if len(found) != length or not _HEX.issuperset(found):
        raise IntakeError(f"{name} must be {length} hexadecimal digits.")
    return found


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as objects in objects, as Datadog shows them; a name that is both stays dotted."""
    shown: dict[str, Any] = {}
    for name in sorted(flat):
        *outer, last = name.split(".")
        place: Any = shown
        for part in outer[:DEPTH_MAX]:
            place = place.setdefault(part, {}) if isinstance(place, dict) else None
        if len(outer) <= DEPTH_MAX and isinstance(place, dict) and last not in place:
            place[last] = flat[name]
        else:
            shown[name] = flat[name]
    return shown


def show_span(record: Record) -> dict[str, Any]:
    """A span as the API shows it."""
    tags = {name: values[0] for name, values in record.tag_values.items()}
    parts: dict[str, Any] = {
        "trace_id": record.hidden["trace_id"],
        "span_id": record.hidden["span_id"],
        "parent_id": record.hidden["parent_id"],
        "service": record.service,
        "resource_name": record.message,
        "operation_name": record.hidden["operation_name"],
        "type": {"server": "web", "client": "http"}.get(tags.get("span_kind", ""), "custom"),
        "start_timestamp": iso(record.timestamp_ms),
        "end_timestamp": iso(record.hidden["end_ms"]),
        "env": tags.get("env", ""),
        "host": record.host,
        "status": record.status,
        "tags": record.tags,
        "custom": _nested(record.attributes),
        "single_span": False,
    }
    return {"id": f"{record.hidden['span_id']}-{record.key}", "type": "spans", "attributes": parts}

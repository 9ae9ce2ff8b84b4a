"""
The form in which a record lies on the disk, without what its key and its kind say already.

A list: the words that vary (or, without a template, the whole message), then the attributes that vary, then what is
hidden; what is empty at the end is left out. A record without a kind keeps its origin, too, behind them.
"""

from __future__ import annotations

from typing import Any

from drillyard.telemetry.logs.index.kinds import Kind, Placed
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.logs.record_store import KEY_SHIFT


def to_document(record: Record, placed: Placed) -> list[Any]:
    """JSON values."""
    if placed.kind.origin is None:
        origin = [record.service, record.host, record.source, record.status, record.tags]
        return [placed.text, placed.varying, record.hidden, origin]
    if record.hidden:
        return [placed.text, placed.varying, record.hidden]
    return [placed.text, placed.varying] if placed.varying else [placed.text]


def from_document(key: int, kind: Kind, document: list[Any]) -> Record:
    """The record that the document came from."""
    text, attributes, hidden, loose = [*document, None, None, None][:4]
    message = text if kind.template is None else kind.template.message(text)
    if kind.origin is None:
        service, host, source, status, tags = loose
    else:
        origin = kind.origin
        service, host, source, status, tags = origin.service, origin.host, origin.source, origin.status, origin.tags
    return Record(
        timestamp_ms=key >> KEY_SHIFT,
        message=message,
        service=service,
        host=host,
        source=source,
        status=status,
        tags=list(tags),
        attributes=kind.constants.attributes | (attributes or {}),
        hidden=hidden or {},
        key=key,
    )

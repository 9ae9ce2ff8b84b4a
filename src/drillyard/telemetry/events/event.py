"""
An event: posted by agents, monitors and people; kept as a record, so that the language of logs finds it.

The record's message is title and text, `source` the sender's type, and the tags are the event's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.times import iso

ALERT_TYPES = ("error", "warning", "info", "success", "user_update", "recommendation", "snapshot")
PRIORITIES = ("normal", "low")

_STATUS = {"error": "error", "warning": "warn", "success": "ok"}


@dataclass(frozen=True)
class Event:
    """`date_happened` in Unix seconds. `attributes` are further searchable values (`monitor`, …)."""

    title: str
    text: str
    date_happened: int
    tags: tuple[str, ...] = ()
    alert_type: str = "info"
    priority: str = "normal"
    source: str = "my_apps"
    host: str = ""
    aggregation_key: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> Record:
        """The event as it is stored."""
        shown = {"title": self.title, "priority": self.priority, "aggregation_key": self.aggregation_key}
        return Record(
            timestamp_ms=self.date_happened * 1000,
            message=f"{self.title}\n{self.text}",
            source=self.source.lower(),
            host=self.host,
            service=_tag(self.tags, "service"),
            status=_STATUS.get(self.alert_type, "info"),
            tags=list(self.tags),
            attributes={name: value for name, value in shown.items() if value} | dict(self.attributes),
            hidden={"text": self.text, "alert_type": self.alert_type},
        )


def show_v1(record: Record) -> dict[str, Any]:
    """The record as `/api/v1/events` shows an event."""
    return {
        "id": record.key,
        "id_str": str(record.key),
        "title": record.attributes.get("title", ""),
        "text": record.hidden.get("text", ""),
        "date_happened": record.timestamp_ms // 1000,
        "priority": record.attributes.get("priority", "normal"),
        "alert_type": record.hidden.get("alert_type", "info"),
        "host": record.host or None,
        "tags": record.tags,
        "source": record.source,
        "source_type_name": record.source,
        "handle": None,
        "related_event_id": None,
        "url": f"/event/event?id={record.key}",
    }


def show_v2(record: Record) -> dict[str, Any]:
    """The record as `/api/v2/events` shows an event: its own values one level down."""
    inner: dict[str, Any] = {
        "title": record.attributes.get("title", ""),
        "status": record.hidden.get("alert_type", "info"),
        "service": record.service,
        "hostname": record.host,
        "timestamp": record.timestamp_ms,
        "evt": {"id": str(record.key), "name": record.attributes.get("title", ""), "type": record.source},
    }
    shown = {name: value for name, value in (record.attributes | inner).items() if value}
    return {
        "id": str(record.key),
        "type": "event",
        "attributes": {
            "message": record.hidden.get("text", ""),
            "tags": [*record.tags, f"source:{record.source}"],
            "timestamp": iso(record.timestamp_ms),
            "attributes": shown,
        },
    }


def _tag(tags: tuple[str, ...], key: str) -> str:
    return next((tag.partition(":")[2] for tag in tags if tag.startswith(f"{key}:")), "")

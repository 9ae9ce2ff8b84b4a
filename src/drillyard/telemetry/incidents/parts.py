"""
What hangs on an incident beside its timeline: impacts (from when to when whom it hurt) and to-dos.

The fields are those of Datadog's `incident_impacts` and `incident_todos`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.times import TimeError, iso, parse_time

PARTS_MAX = 200
TEXT_MAX = 20_000

Json = dict[str, Any]


class PartError(DrillyardError):
    """An impact or a to-do that cannot be made as it is written."""


def new_impact(given: Mapping[str, Any], now_ms: int) -> Json:
    """`description`, `start_at`, and `end_at` unless it goes on. Raises PartError."""
    start_ms, end_ms = _moment(given, "start_at"), _moment(given, "end_at")
    if start_ms is None:
        raise PartError("start_at is missing.")
    if end_ms is not None and end_ms < start_ms:
        raise PartError("end_at is before start_at.")
    fields = given.get("fields")
    if not isinstance(fields, dict | None):
        raise PartError("fields must be an object.")
    return _stamped(now_ms) | {
        "description": _text(given, "description"),
        "start_at": iso(start_ms),
        "end_at": None if end_ms is None else iso(end_ms),
        "impact_type": "customer",
        "fields": fields or {},
    }


def changed_impact(before: Json, given: Mapping[str, Any], now_ms: int) -> Json:
    """With the given fields in the place of the old ones. Raises PartError."""
    kept = {name: before[name] for name in ("id", "created", "impact_type")}
    return new_impact(before | dict(given), now_ms) | kept


def new_todo(given: Mapping[str, Any], now_ms: int) -> Json:
    """`content` and `assignees`. Raises PartError."""
    return _changed(_stamped(now_ms) | {"completed": None, "due_date": None}, given, needed=True)


def changed_todo(before: Json, given: Mapping[str, Any], now_ms: int) -> Json:
    """With the given fields in the place of the old ones. Raises PartError."""
    return _changed(before, given, needed=False) | {"modified": iso(now_ms)}


def _changed(before: Json, given: Mapping[str, Any], *, needed: bool) -> Json:
    after = dict(before)
    if needed or "content" in given:
        after["content"] = _text(given, "content")
    if needed or "assignees" in given:
        assignees = given.get("assignees")
        if not isinstance(assignees, list) or not all(isinstance(one, str | dict) for one in assignees):
            raise PartError("assignees must be an array of handles.")
        after["assignees"] = assignees
    for name in ("completed", "due_date"):
        if name in given:
            moment = _moment(given, name)
            after[name] = None if moment is None else iso(moment)
    return after


def _stamped(now_ms: int) -> Json:
    return {"id": str(uuid4()), "created": iso(now_ms), "modified": iso(now_ms)}


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_MAX:
        raise PartError(f"{name} must have 1 to {TEXT_MAX} characters.")
    return value


def _moment(given: Mapping[str, Any], name: str) -> int | None:
    if given.get(name) is None:
        return None
    try:
        return parse_time(given[name], 0)
    except TimeError as wrong:
        raise PartError(f"{name}: {wrong.message}") from wrong

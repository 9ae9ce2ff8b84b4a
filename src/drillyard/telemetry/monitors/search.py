"""
Finds monitors by Datadog's search box: `status:alert tag:team:a type:log payment`.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

from drillyard.telemetry.monitors.book import MonitorError

_STATUSES = {"alert": "Alert", "warn": "Warn", "ok": "OK", "no data": "No Data", "nodata": "No Data"}
_SORTS = {"name": "name", "status": "overall_state", "id": "id", "type": "type"}


def find_monitors(monitors: list[dict[str, Any]], query: str, sort: str) -> list[dict[str, Any]]:
    """Those that fit every part of the query. Raises MonitorError."""
    try:
        parts = shlex.split(query)
    except ValueError as wrong:
        raise MonitorError("Query parsing error: a quotation is never closed.") from wrong
    for part in parts:
        monitors = [monitor for monitor in monitors if _fits(part, monitor)]
        key, _, value = part.partition(":")
        if key == "status" and value.lower() not in _STATUSES:
            raise MonitorError(f"Query parsing error: '{value[:50]}' is not a valid monitor status")
    field, _, order = sort.partition(",")
    if field:
        if field not in _SORTS:
            raise MonitorError(f"sort must be one of {', '.join(_SORTS)}.")
        monitors = sorted(monitors, key=lambda monitor: monitor[_SORTS[field]], reverse=order == "desc")
    return monitors


def _fits(part: str, monitor: dict[str, Any]) -> bool:
    key, colon, value = part.partition(":")
    match key if colon else "":
        case "status":
            return bool(monitor["overall_state"] == _STATUSES.get(value.lower()))
        case "tag":
            return value in monitor["tags"]
        case "type":
            return value in monitor["type"]
        case "id":
            return value == str(monitor["id"])
        case "muted":
            return ("*" in monitor["options"].get("silenced", {})) == (value.lower() == "true")
        case "title" | "name":
            return value.lower() in monitor["name"].lower()
        case "metric" | "scope":
            return value in monitor["query"]
    return part.lower() in monitor["name"].lower() or part in monitor["tags"]


def search_row(monitor: dict[str, Any]) -> dict[str, Any]:
    """A monitor as the search shows it."""
    return {
        "id": monitor["id"],
        "name": monitor["name"],
        "status": monitor["overall_state"],
        "type": monitor["type"],
        "query": monitor["query"],
        "tags": monitor["tags"],
        "scopes": re.findall(r"[\w.]\{([^{}]*)\}", monitor["query"])[:1],
        "metrics": re.findall(r"([A-Za-z][\w.]*)\{", monitor["query"]),
        "classification": monitor["type"].split()[0],
        "creator": monitor["creator"],
        "notifications": [],
        "last_triggered_ts": max((g.get("last_triggered_ts") or 0 for g in monitor["groups"].values()), default=0)
        or None,
        "org_id": monitor["org_id"],
    }


def groups_of(monitors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The groups of all monitors as the group search shows them."""
    return [
        {
            "monitor_id": monitor["id"],
            "monitor_name": monitor["name"],
            "group": name,
            "group_tags": [] if name == "*" else name.split(","),
            "status": group["status"],
            "last_triggered_ts": group.get("last_triggered_ts"),
            "last_nodata_ts": group.get("last_nodata_ts"),
        }
        for monitor in monitors
        for name, group in monitor["groups"].items()
    ]

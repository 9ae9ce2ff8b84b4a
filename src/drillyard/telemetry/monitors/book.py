"""
All monitors with their states, kept in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from drillyard.base.errors import DrillyardError
from drillyard.base.files import write_atomically
from drillyard.telemetry.kept import read_kept
from drillyard.telemetry.monitors.query import METRIC_TYPES, TYPES, Question, parse_monitor_query
from drillyard.telemetry.monitors.state import NO_DATA
from drillyard.telemetry.times import iso

MONITORS_MAX = 500
FIRST_ID = 10_000_001
_CHANGEABLE = ("name", "type", "query", "message", "tags", "options", "priority", "restricted_roles", "multi")


class MonitorError(DrillyardError):
    """A monitor that cannot be made as it is written."""


class MonitorBook:
    """Monitors are Datadog's JSON objects; `question` is what each asks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._monitors: dict[int, dict[str, Any]] = {}
        self._questions: dict[int, Question] = {}
        self._next = FIRST_ID
        kept = read_kept(path)
        if kept:
            self._next = kept["next"]
            for monitor in kept["monitors"]:
                self._monitors[monitor["id"]] = monitor
                self._questions[monitor["id"]] = parse_monitor_query(monitor["type"], monitor["query"])

    def all(self) -> list[dict[str, Any]]:
        """In the order in which they were made."""
        return list(self._monitors.values())

    def get(self, identity: int) -> dict[str, Any] | None:
        """One monitor."""
        return self._monitors.get(identity)

    def question(self, identity: int) -> Question:
        """What the monitor asks."""
        return self._questions[identity]

    def create(self, body: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
        """Raises MonitorError and MonitorQueryError."""
        if len(self._monitors) >= MONITORS_MAX:
            raise MonitorError(f"There are {MONITORS_MAX} monitors already.")
        question = check(body)
        identity, self._next = self._next, self._next + 1
        monitor: dict[str, Any] = {
            "id": identity,
            "org_id": 1,
            "type": _shown_type(str(body["type"])),
            "name": body.get("name") or "",
            "query": body["query"],
            "message": body.get("message") or "",
            "tags": body.get("tags") or [],
            "priority": body.get("priority"),
            "options": _options(body.get("options")),
            "multi": bool(getattr(question, "by", ()) or " by {" in str(body["query"])),
            "overall_state": NO_DATA,
            "overall_state_modified": None,
            "created": iso(now_ms),
            "created_at": now_ms,
            "modified": iso(now_ms),
            "deleted": None,
            "creator": {"name": "", "handle": "", "email": "", "id": 0},
            "matching_downtimes": [],
            "restricted_roles": None,
            "groups": {},
        }
        self._monitors[identity], self._questions[identity] = monitor, question
        self.save()
        return monitor

    def change(self, identity: int, body: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
        """Raises MonitorError and MonitorQueryError; the old one then stays."""
        monitor = self._monitors[identity]
        changed = monitor | {name: body[name] for name in _CHANGEABLE if name in body}
        question = check(changed if "options" in body else changed | {"options": {}})
        changed["options"] = monitor["options"] | _options(body.get("options"), base={})
        thresholds = changed["options"]["thresholds"]
        if "options" not in body and thresholds.get("critical") is not None and hasattr(question, "critical"):
            changed["options"] |= {"thresholds": thresholds | {"critical": question.critical}}
        if changed["query"] != monitor["query"]:
            changed |= {"groups": {}, "overall_state": NO_DATA}
        changed["type"], changed["modified"] = _shown_type(str(changed["type"])), iso(now_ms)
        self._monitors[identity], self._questions[identity] = changed, question
        self.save()
        return changed

    def delete(self, identity: int) -> bool:
        """False when there is none."""
        if self._monitors.pop(identity, None) is None:
            return False
        del self._questions[identity]
        self.save()
        return True

    def save(self) -> None:
        """Writes the file."""
        write_atomically(self._path, orjson.dumps({"next": self._next, "monitors": self.all()}))


def check(body: Mapping[str, Any]) -> Question:
    """The question of a definition. Raises MonitorError, MonitorQueryError."""
    kind, query = body.get("type"), body.get("query")
    if kind not in TYPES:
        raise MonitorError(f"The monitor type {str(kind)[:50]!r} is not available here. Use one of {', '.join(TYPES)}.")
    if not isinstance(query, str) or not query:
        raise MonitorError("The value provided for parameter 'query' is invalid: it is missing.")
    for name, expected in (("name", str), ("message", str), ("tags", list), ("options", dict)):
        if not isinstance(body.get(name), expected | None):
            raise MonitorError(f"{name} must be a {expected.__name__}.")
    thresholds = (body.get("options") or {}).get("thresholds")
    if thresholds is not None and not isinstance(thresholds, dict):
        raise MonitorError("options.thresholds must be an object.")
    question = parse_monitor_query(str(kind), query)
    for name, value in (thresholds or {}).items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise MonitorError(f"The threshold {str(name)[:30]} must be a number.")
    critical = (thresholds or {}).get("critical")
    if critical is not None and float(critical) != getattr(question, "critical", float(critical)):
        raise MonitorError("Alert threshold does not match that used in query.")
    return question


def _shown_type(kind: str) -> str:
    return "query alert" if kind in METRIC_TYPES else kind


_OPTIONS = {
    "notify_no_data": False,
    "notify_audit": False,
    "include_tags": True,
    "new_host_delay": 300,
    "silenced": {},
    "thresholds": {},
}


def _options(given: Any, base: Mapping[str, Any] = _OPTIONS) -> dict[str, Any]:
    return dict(base) | (given or {})

"""
Downtimes: for a while, monitors of a scope change their states in silence.

One downtime serves both API versions: version 2 knows it by a UUID, version 1 by a number. A scope is a query over the
tags of a monitor's group, the monitor's own tags and the tags of its query's scope; `*` is everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from drillyard.base.errors import DrillyardError
from drillyard.base.files import write_atomically
from drillyard.telemetry.kept import read_kept
from drillyard.telemetry.logs.query import QueryError, matches, parse
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.times import TimeError, parse_time

DOWNTIMES_MAX = 500
FIRST_ID = 20_000_001
TEXT_MAX = 10_000

Json = dict[str, Any]


class DowntimeError(DrillyardError):
    """A downtime that cannot be made as it is written."""


class DowntimeBook:
    """A downtime: `id`, `number`, `scope`, `message`, `monitor_id` or `monitor_tags`, times in Unix milliseconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._downtimes: dict[str, Json] = {}
        self._next = FIRST_ID
        kept = read_kept(path)
        if kept:
            self._next = kept["next"]
            self._downtimes = {one["id"]: one for one in kept["downtimes"]}

    def all(self) -> list[Json]:
        """In the order in which they were made."""
        return list(self._downtimes.values())

    def get(self, identity: str) -> Json | None:
        """By its UUID or its number."""
        found = self._downtimes.get(identity)
        return found or next((one for one in self.all() if str(one["number"]) == identity), None)

    def create(self, given: Mapping[str, Any], now_ms: int) -> Json:
        """From `scope`, `message`, `monitor_id`, `monitor_tags`, `start`, `end`. Raises DowntimeError."""
        if len(self._downtimes) >= DOWNTIMES_MAX:
            raise DowntimeError(f"There are {DOWNTIMES_MAX} downtimes already.")
        identity, self._next = str(uuid4()), self._next + 1
        base: Json = {"id": identity, "number": self._next - 1, "created_ms": now_ms, "canceled_ms": None}
        defaults = {"message": "", "monitor_id": None, "monitor_tags": ["*"], "start_ms": now_ms, "end_ms": None}
        self._downtimes[identity] = _checked(base | defaults | dict(given) | {"modified_ms": now_ms})
        self._save()
        return self._downtimes[identity]

    def change(self, identity: str, given: Mapping[str, Any], now_ms: int) -> Json:
        """Raises DowntimeError."""
        self._downtimes[identity] = _checked(self._downtimes[identity] | dict(given) | {"modified_ms": now_ms})
        self._save()
        return self._downtimes[identity]

    def cancel(self, identity: str, now_ms: int) -> None:
        """It stays in the list, canceled. Harmless twice."""
        downtime = self._downtimes[identity]
        downtime["canceled_ms"] = downtime["canceled_ms"] or now_ms
        self._save()

    def matching(self, monitor: Mapping[str, Any], group: str, now_ms: int) -> list[Json]:
        """Those that are active now and hold for the group (`kube_deployment:x,…`, or `*`) of the monitor."""
        return [one for one in self.all() if status(one, now_ms) == "active" and _holds(one, monitor, group)]

    def _save(self) -> None:
        write_atomically(self._path, orjson.dumps({"next": self._next, "downtimes": self.all()}))


def status(downtime: Mapping[str, Any], now_ms: int) -> str:
    """scheduled, active, ended or canceled."""
    if downtime["canceled_ms"] is not None:
        return "canceled"
    if downtime["end_ms"] is not None and downtime["end_ms"] <= now_ms:
        return "ended"
    return "active" if downtime["start_ms"] <= now_ms else "scheduled"


def moment(value: Any, name: str) -> int | None:
    """RFC 3339 or milliseconds, None when absent. Raises DowntimeError."""
    if value is None:
        return None
    try:
        return parse_time(value, 0)
    except TimeError as wrong:
        raise DowntimeError(f"{name}: {wrong.message}") from wrong


def _checked(downtime: Json) -> Json:
    scope, message = downtime.get("scope"), downtime["message"]
    if not isinstance(scope, str) or not scope or len(scope) > TEXT_MAX:
        raise DowntimeError("scope must be tags such as env:prod AND kube_deployment:payment, or *.")
    _parsed(scope)
    if not isinstance(message, str) or len(message) > TEXT_MAX:
        raise DowntimeError(f"message must be a string of at most {TEXT_MAX} characters.")
    if isinstance(downtime["monitor_id"], bool) or not isinstance(downtime["monitor_id"], int | None):
        raise DowntimeError("monitor_id must be a number.")
    tags = downtime["monitor_tags"]
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise DowntimeError("monitor_tags must be an array of strings.")
    if downtime["end_ms"] is not None and downtime["end_ms"] <= downtime["start_ms"]:
        raise DowntimeError("The downtime ends before it starts.")
    return downtime


def _parsed(scope: str) -> Any:
    try:
        return parse("*" if scope.strip() == "*" else scope.replace(",", " AND "))
    except QueryError as wrong:
        raise DowntimeError(f"scope: {wrong.message}") from wrong


def _holds(downtime: Mapping[str, Any], monitor: Mapping[str, Any], group: str) -> bool:
    if downtime["monitor_id"] is not None:
        if downtime["monitor_id"] != monitor["id"]:
            return False
    elif downtime["monitor_tags"] != ["*"] and not set(downtime["monitor_tags"]) <= set(monitor["tags"]):
        return False
    tags = [*monitor["tags"], *_scope_tags(monitor["query"]), *([] if group == "*" else group.split(","))]
    return matches(_parsed(downtime["scope"]), Record(0, "", tags=[tag.lower() for tag in tags]))


def _scope_tags(query: str) -> Iterable[str]:
    return [tag.strip() for part in re.findall(r"[\w.]\{([^{}]*)\}", query) for tag in part.split(",") if ":" in tag]

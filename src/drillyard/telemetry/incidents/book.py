"""
All incidents with their timelines, kept in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from drillyard.base.errors import DrillyardError
from drillyard.base.files import write_atomically
from drillyard.telemetry.incidents.parts import PARTS_MAX, PartError
from drillyard.telemetry.kept import read_kept
from drillyard.telemetry.logs.query import matches, parse
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.times import TimeError, iso, parse_time

INCIDENTS_MAX = 1_000
CELLS_MAX = 1_000
CELL_TEXT_MAX = 20_000
TITLE_MAX = 1_000
STATES = ("active", "stable", "resolved", "completed")
SEVERITIES = ("UNKNOWN", "SEV-0", "SEV-1", "SEV-2", "SEV-3", "SEV-4", "SEV-5")
_IMPACT = ("customer_impact_scope", "customer_impact_start", "customer_impact_end", "detected", "resolved")

Json = dict[str, Any]


class IncidentError(DrillyardError):
    """An incident that cannot be made or changed as it is written."""


class IncidentBook:
    """An incident is its `attributes`; its timeline stands beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._incidents: dict[str, Json] = {}
        self._timelines: dict[str, list[Json]] = {}
        self._parts: dict[str, dict[str, list[Json]]] = {}
        self._next = 1
        kept = read_kept(path)
        if kept:
            self._incidents, self._timelines, self._next = kept["incidents"], kept["timelines"], kept["next"]
            self._parts = kept.get("parts", {})

    def get(self, identity: str) -> tuple[str, Json] | None:
        """By its id, or by its public number."""
        if identity in self._incidents:
            return identity, self._incidents[identity]
        found = (pair for pair in self._incidents.items() if str(pair[1]["public_id"]) == identity)
        return next(found, None)

    def create(self, given: Mapping[str, Any], now_ms: int) -> tuple[str, Json]:
        """Raises IncidentError."""
        if len(self._incidents) >= INCIDENTS_MAX:
            raise IncidentError(f"There are {INCIDENTS_MAX} incidents already.")
        if not isinstance(given.get("title"), str) or not given["title"]:
            raise IncidentError("title is missing.")
        if not isinstance(given.get("customer_impacted"), bool):
            raise IncidentError("customer_impacted must be true or false.")
        moment = iso(now_ms)
        attributes: Json = dict.fromkeys((*_IMPACT, "postmortem_id"))
        attributes |= {
            "public_id": self._next,
            "title": "",
            "created": moment,
            "modified": moment,
            "detected": moment,
            "customer_impacted": False,
            "customer_impact_duration": 0,
            "notification_handles": None,
            "visibility": "organization",
            "fields": {"severity": _field("UNKNOWN"), "state": _field("active")},
        }
        cells = _cells(given.get("initial_cells"))
        attributes = _changed(attributes, given, now_ms)
        identity, self._next = str(uuid4()), self._next + 1
        self._incidents[identity], self._timelines[identity] = attributes, []
        for cell in cells:
            self._append(identity, "markdown", {"content": cell}, now_ms)
        self._save()
        return identity, attributes

    def change(self, identity: str, given: Mapping[str, Any], now_ms: int) -> Json:
        """What changes in title, severity or state becomes a cell of the timeline. Raises IncidentError."""
        before = self._incidents[identity]
        after = _changed(before, given, now_ms) | {"modified": iso(now_ms)}
        seen = [{"title": part["title"], "severity": severity(part), "state": state(part)} for part in (before, after)]
        self._incidents[identity] = after
        if seen[0] != seen[1]:
            self._append(identity, "incident_status_change", {"before": seen[0], "after": seen[1]}, now_ms)
        self._save()
        return after

    def delete(self, identity: str) -> None:
        """With its timeline."""
        del self._incidents[identity], self._timelines[identity]
        self._parts.pop(identity, None)
        self._save()

    def parts(self, identity: str, kind: str) -> list[Json]:
        """Its `impacts` or `todos`, oldest first. After changing one, call `parts_changed`."""
        return self._parts.setdefault(identity, {}).setdefault(kind, [])

    def add_part(self, identity: str, kind: str, part: Json, now_ms: int) -> None:
        """Raises PartError when there are too many."""
        parts = self.parts(identity, kind)
        if len(parts) >= PARTS_MAX:
            raise PartError(f"The incident has {PARTS_MAX} {kind} already.")
        parts.append(part)
        self.parts_changed(identity, now_ms)

    def parts_changed(self, identity: str, now_ms: int) -> None:
        """The incident hurts customers from its first impact's start to its last one's end."""
        impacts = self.parts(identity, "impacts")
        attributes = self._incidents[identity] | {"modified": iso(now_ms)}
        if impacts:
            ends = [impact["end_at"] for impact in impacts]
            attributes |= {
                "customer_impacted": True,
                "customer_impact_start": min(impact["start_at"] for impact in impacts),
                "customer_impact_end": None if None in ends else max(ends),
            }
        self._incidents[identity] = attributes | _durations(attributes)
        self._save()

    def timeline(self, identity: str) -> list[Json]:
        """The cells, oldest first."""
        return self._timelines[identity]

    def note(self, identity: str, content: str, now_ms: int) -> Json:
        """Adds a cell of text. Raises IncidentError."""
        cell = self._append(identity, "markdown", {"content": _cell_text(content)}, now_ms)
        self._save()
        return cell

    def _append(self, identity: str, kind: str, content: Json, now_ms: int) -> Json:
        cells = self._timelines[identity]
        if len(cells) >= CELLS_MAX:
            raise IncidentError(f"The timeline has {CELLS_MAX} cells already.")
        moment = iso(now_ms)
        cell = {"id": str(uuid4()), "cell_type": kind, "created": moment, "modified": moment, "content": content}
        cells.append(cell | {"source": "api", "important": False})
        return cells[-1]

    def find(self, query: str, *, newest_first: bool = True) -> list[tuple[str, Json]]:
        """By the language of logs: `state:(active OR stable) severity:SEV-1 words`. Raises QueryError."""
        tree = parse(query)
        found = [pair for pair in self._incidents.items() if matches(tree, _record(pair[1]))]
        return sorted(found, key=lambda pair: int(pair[1]["public_id"]), reverse=newest_first)

    def _save(self) -> None:
        kept = {"incidents": self._incidents, "timelines": self._timelines, "next": self._next, "parts": self._parts}
        write_atomically(self._path, orjson.dumps(kept))


def severity(attributes: Mapping[str, Any]) -> str:
    """SEV-0 to SEV-5, or UNKNOWN."""
    return str(attributes["fields"]["severity"]["value"])


def state(attributes: Mapping[str, Any]) -> str:
    """active, stable, resolved or completed."""
    return str(attributes["fields"]["state"]["value"])


def _record(attributes: Json) -> Record:
    tags = [f"state:{state(attributes)}", f"severity:{severity(attributes).lower()}"]
    tags.append(f"customer_impacted:{str(attributes['customer_impacted']).lower()}")
    summary = attributes["fields"].get("summary", {}).get("value") or ""
    return Record(0, f"{attributes['title']}\n{summary}", tags=tags)


def _field(value: Any, kind: str = "dropdown") -> Json:
    return {"type": kind, "value": value}


def _changed(before: Json, given: Mapping[str, Any], now_ms: int) -> Json:
    after: Json = before | {"fields": dict(before["fields"])}
    for name in ("title", *_IMPACT):
        if name in given:
            after[name] = _text_or_null(name, given[name])
    if not after["title"] or len(after["title"]) > TITLE_MAX:
        raise IncidentError(f"title must have 1 to {TITLE_MAX} characters.")
    if "customer_impacted" in given:
        if not isinstance(given["customer_impacted"], bool):
            raise IncidentError("customer_impacted must be true or false.")
        after["customer_impacted"] = given["customer_impacted"]
    if "notification_handles" in given:
        after["notification_handles"] = given["notification_handles"]
    _change_fields(after, given.get("fields"))
    if state(after) in ("resolved", "completed"):
        after["resolved"] = after["resolved"] or iso(now_ms)
    elif "resolved" not in given:
        after["resolved"] = None
    after |= {"severity": severity(after), "state": state(after)} | _durations(after)
    return after


def _change_fields(after: Json, fields: Any) -> None:
    if fields is None:
        return
    if not isinstance(fields, dict):
        raise IncidentError("fields must be an object.")
    for name, field in fields.items():
        value = field.get("value") if isinstance(field, dict) else None
        if not isinstance(field, dict) or not isinstance(value, str | list | None):
            raise IncidentError(f"The field {str(name)[:50]} must be an object with a type and a value.")
        if name == "state" and value not in STATES:
            raise IncidentError(f"state must be one of {', '.join(STATES)}.")
        if name == "severity" and value not in SEVERITIES:
            raise IncidentError(f"severity must be one of {', '.join(SEVERITIES)}.")
        after["fields"][name] = _field(value, str(field.get("type") or "textbox"))


def _text_or_null(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise IncidentError(f"{name} must be a string.")
    return value


def _durations(attributes: Json) -> Json:
    """Seconds from creation to detection, from detection to the end, and of the customers' impact."""
    started, ended = (_moment(attributes.get(f"customer_impact_{name}")) for name in ("start", "end"))
    created, detected, resolved = (_moment(attributes.get(name)) for name in ("created", "detected", "resolved"))
    repair = max(0, resolved - detected) // 1000 if resolved and detected else 0
    detect = max(0, detected - created) // 1000 if created and detected else 0
    return {
        "customer_impact_duration": max(0, ended - started) // 1000 if started and ended else 0,
        "time_to_detect": detect,
        "time_to_repair": repair,
        "time_to_resolve": repair,
        "time_to_internal_response": 0,
    }


def _moment(value: Any) -> int:
    try:
        return parse_time(value, 0) if value else 0
    except TimeError as wrong:
        raise IncidentError(str(wrong)) from wrong


def _cells(given: Any) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(cell, dict) for cell in given):
        raise IncidentError("initial_cells must be an array of objects.")
    contents = [cell.get("content") for cell in given]
    return [_cell_text(part.get("content") if isinstance(part, dict) else None) for part in contents]


def _cell_text(content: Any) -> str:
    if not isinstance(content, str) or not 0 < len(content) <= CELL_TEXT_MAX:
        raise IncidentError(f"A cell needs a content of 1 to {CELL_TEXT_MAX} characters.")
    return content

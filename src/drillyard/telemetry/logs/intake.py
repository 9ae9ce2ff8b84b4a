"""
From what a shipper posts to records: JSON arrays, single objects, or lines of text.

Preprocessing as documented by Datadog ("Preprocessing"): a message that is JSON becomes attributes, and well-known
names give the time, host, status, service, source and trace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import orjson

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.logs.record import Record, as_text
from drillyard.telemetry.logs.status import normal_status
from drillyard.telemetry.times import TimeError, parse_time

ITEMS_MAX = 1_000
MESSAGE_MAX = 1_000_000
"""Characters; a longer message is cut, as Datadog does at 1 MB."""
NAME_MAX = 200
"""Characters of a service, host, source or id; longer ones are cut, as tags are."""
TAGS_MAX = 100
KNOWN_TAGS_LENGTH_MAX = 4_096
NESTING_MAX = 100

_DATES = (
    "@timestamp",
    "timestamp",
    "_timestamp",
    "Timestamp",
    "eventTime",
    "date",
    "published_date",
    "syslog.timestamp",
)
_HOSTS = ("host", "hostname", "syslog.hostname")
_STATUSES = ("status", "severity", "level", "syslog.severity")
_SERVICES = ("service", "syslog.appname")
_TRACES = ("dd.trace_id", "contextMap.dd.trace_id")
_SPANS = ("dd.span_id", "contextMap.dd.span_id")
_ENVELOPE = ("message", "ddsource", "ddtags", "hostname", "service", "status", "timestamp")
_CONTAINERS = (dict, list)
_AGENT_FIELDS = frozenset(_ENVELOPE)
_EARLY_MS, _LATE_MS = 1 << 40, 1 << 42
"""Numbers that can only be milliseconds."""
_TAG_CHARACTERS = re.compile(r"[^\w\-:./\\@]", re.UNICODE)


class IntakeError(DrillyardError):
    """A payload that cannot be taken, with the HTTP status that says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def read_payload(body: bytes, content_type: str, parameters: Mapping[str, str], now_ms: int) -> list[Record]:
    """The records of one request; `parameters` are defaults (`ddtags`, `service`, …). Raises IntakeError."""
    items = _items(body, content_type)
    if len(items) > ITEMS_MAX:
        raise IntakeError(f"More than {ITEMS_MAX} logs in one request.", 413)
    defaults = {key: value for key, value in parameters.items() if key in _ENVELOPE}
    if defaults:
        items = [defaults | _own_tags(item, defaults) for item in items]
    return [_plain_line(item) or to_record(item, now_ms) for item in items]


def _plain_line(item: dict[str, Any]) -> Record | None:
    """The record of a line as agents send them, with the envelope's fields and no other; None for anything else."""
    if item.keys() != _AGENT_FIELDS:
        return None
    message, at_ms, tags = item["message"], item["timestamp"], item["ddtags"]
    if type(message) is not str or type(at_ms) is not int or not _EARLY_MS < at_ms < _LATE_MS or type(tags) is not str:
        return None
    first = message[:1]
    if first == "{" or first.isspace() or len(message) > MESSAGE_MAX or len(tags) > KNOWN_TAGS_LENGTH_MAX:
        return None
    host, service, source, status = item["hostname"], item["service"], item["ddsource"], item["status"]
    if not type(host) is type(service) is type(source) is type(status) is str:
        return None
    if max(len(host), len(service), len(source)) > NAME_MAX:
        return None
    return Record(at_ms, message, service, host, source, normal_status(status or "info"), list(_known_tags(tags)))


def _own_tags(item: dict[str, Any], defaults: Mapping[str, str]) -> dict[str, Any]:
    """An item's tags are added to those of the request, not put in their place."""
    if "ddtags" not in defaults or not isinstance(item.get("ddtags"), str):
        return item
    return item | {"ddtags": f"{defaults['ddtags']},{item['ddtags']}"}


def _items(body: bytes, content_type: str) -> list[dict[str, Any]]:
    if not content_type.startswith(("application/json", "text/json")) and body.lstrip()[:1] not in (b"{", b"["):
        text = body.decode(errors="replace")
        return [{"message": line} for line in text.splitlines() if line.strip()]
    if not body.strip():
        raise IntakeError("The body is empty.")
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as wrong:
        lines = body.splitlines()
        if len(lines) < 2:
            raise IntakeError(f"The body is not JSON: {wrong}") from wrong
        try:  # One object a line, as logplex and some shippers send.
            data = [orjson.loads(line) for line in lines if line.strip()]
        except orjson.JSONDecodeError as still_wrong:
            raise IntakeError(f"The body is not JSON: {still_wrong}") from still_wrong
    found = data if isinstance(data, list) else [data]
    if not all(isinstance(item, dict) for item in found):
        raise IntakeError("A log is a JSON object, and the body an array of them.")
    return found


def to_record(item: dict[str, Any], now_ms: int) -> Record:
    """One posted object as a record. Raises IntakeError for one that is nested too deeply."""
    if _nested_deeper(item, NESTING_MAX):
        raise IntakeError(f"A log is nested deeper than {NESTING_MAX} levels.")
    attributes = {key: value for key, value in item.items() if key not in _ENVELOPE}
    message = item.get("message", "")
    parsed = _json_object(message)
    if parsed is not None and not _nested_deeper(parsed, NESTING_MAX):
        attributes = parsed | attributes
        message = parsed.get("message", message)
    record = Record(
        timestamp_ms=_time(item, attributes, now_ms),
        message=(message if isinstance(message, str) else orjson.dumps(message).decode())[:MESSAGE_MAX],
        host=_first(item, attributes, _HOSTS)[:NAME_MAX],
        service=_first(item, attributes, _SERVICES)[:NAME_MAX],
        source=_text(item.get("ddsource", ""))[:NAME_MAX],
        status=normal_status(_first(item, attributes, _STATUSES) or "info"),
        tags=normal_tags(item.get("ddtags", "")),
        attributes=attributes,
    )
    if attributes:
        for name, places in (("trace_id", _TRACES), ("span_id", _SPANS)):
            if found := _first({}, attributes, places):
                record.hidden[name] = found[:NAME_MAX]
    return record


def normal_tags(given: object) -> list[str]:
    """Tags as kept: lower case, odd characters replaced by `_`, each once. Takes `a:b,c:d` or a list."""
    if isinstance(given, list):
        return _cleaned(given)
    text = str(given)
    return list(_known_tags(text)) if len(text) <= KNOWN_TAGS_LENGTH_MAX else _cleaned(text.split(","))


@lru_cache(maxsize=512)
def _known_tags(text: str) -> tuple[str, ...]:
    """A container's tags stand in each of its lines, so they are cut once."""
    return tuple(_cleaned(text.split(",")))


def _cleaned(parts: Sequence[object]) -> list[str]:
    cleaned = (_TAG_CHARACTERS.sub("_", str(part).strip().lower())[:200] for part in parts)
    return list(dict.fromkeys(tag for tag in cleaned if tag))[:TAGS_MAX]


def lookup(attributes: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, where each dot may be part of a key or a step; None if there is none."""
    if path in attributes:
        return attributes[path]
    head, _, rest = path.partition(".")
    while rest:
        inner = attributes.get(head)
        if isinstance(inner, Mapping):
            found = lookup(inner, rest)
            if found is not None:
                return found
        step, _, rest = rest.partition(".")
        head = f"{head}.{step}"
    return None


def _json_object(message: object) -> dict[str, Any] | None:
    if isinstance(message, dict):
        return message
    if not isinstance(message, str) or not message.lstrip().startswith("{"):
        return None
    try:
        found = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _nested_deeper(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, _CONTAINERS)
        ]
        if not layer:
            return False
    return True


def _text(value: object) -> str:
    return as_text(value) if isinstance(value, str | int | float) else ""


def _first(item: Mapping[str, Any], attributes: Mapping[str, Any], places: tuple[str, ...]) -> str:
    for values in (item, attributes):
        if not values:
            continue
        for place in places:
            value = values[place] if place in values else lookup(values, place) if "." in place else None
            found = value if isinstance(value, str) else _text(value)
            if found:
                return found
    return ""


def _time(item: Mapping[str, Any], attributes: Mapping[str, Any], now_ms: int) -> int:
    given = item.get("timestamp")
    if type(given) is int and _EARLY_MS < given < _LATE_MS and "@timestamp" not in item:
        return given  # Milliseconds, as every agent sends them.
    for values in (item, attributes):
        for place in _DATES:
            found = lookup(values, place)
            if (
                isinstance(found, str | int | float)
                and not isinstance(found, bool)
                and not str(found).startswith("now")
            ):
                moment = read_date(found, now_ms)
                if moment is not None:
                    return moment
    return now_ms


def read_date(value: str | int | float, now_ms: int) -> int | None:
    """Unix milliseconds of ISO 8601, an epoch or RFC 2822/3164 text; None for anything else or a time before 1970."""
    try:
        moment = parse_time(value, now_ms)
    except TimeError:
        try:
            moment = round(parsedate_to_datetime(str(value)).timestamp() * 1000)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    return moment if 0 <= moment < 1 << 42 else None

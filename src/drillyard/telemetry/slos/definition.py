"""
An SLO as people write it, checked. Two types: a metric's good events of all, and a monitor's time without an alert.

Source: Datadog's API reference, "Service Level Objectives" (v1), its Python client's models `SLOResponseData` and
`ServiceLevelObjectiveRequest`, and what its Terraform provider sends and reads.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any
from uuid import uuid4

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.metrics.query.nodes import MetricQueryError
from drillyard.telemetry.metrics.query.parser import parse_query

TYPES = {"monitor": 0, "metric": 1}
TIMEFRAMES_S = {"7d": 7 * 86_400, "30d": 30 * 86_400, "90d": 90 * 86_400}
TIMEFRAMES = (*TIMEFRAMES_S, "custom")
MONITORS_MAX = 20
THRESHOLDS_MAX = 10
_CREATOR = {"name": "on-call", "handle": "on-call", "email": "on-call"}

Json = dict[str, Any]


class SloError(DrillyardError):
    """An SLO that cannot be kept as it is written."""


def new_slo(given: Mapping[str, Any], monitors: Container[int], now_s: int) -> Json:
    """The SLO that a POST describes; `monitors` are the ids there are. Raises SloError."""
    own = {"id": uuid4().hex, "created_at": now_s, "creator": _CREATOR}
    return _whole(given, own, monitors, now_s)


def changed_slo(before: Mapping[str, Any], given: Mapping[str, Any], monitors: Container[int], now_s: int) -> Json:
    """What a PUT makes of it; its type stays. Raises SloError."""
    if given.get("type", before["type"]) != before["type"]:
        raise SloError(f"The type of an SLO cannot be changed: this one is {before['type']}.")
    own = {name: before[name] for name in ("id", "created_at", "creator")}
    return _whole({"type": before["type"]} | dict(given), own, monitors, now_s)


def _whole(given: Mapping[str, Any], own: Json, monitors: Container[int], now_s: int) -> Json:
    kind, name = given.get("type"), given.get("name")
    if kind not in TYPES:
        raise SloError(f"The SLO type {str(kind)[:50]!r} is not available here. Use one of {', '.join(TYPES)}.")
    if not isinstance(name, str) or not name:
        raise SloError("name is missing.")
    description = given.get("description")
    if not isinstance(description, str | None):
        raise SloError("description must be a string.")
    thresholds = _thresholds(given.get("thresholds"))
    first = next((one for one in thresholds if one["timeframe"] == given.get("timeframe")), thresholds[0])
    made: Json = own | {
        "name": name,
        "description": description,
        "type": kind,
        "type_id": TYPES[kind],
        "tags": _texts(given, "tags"),
        "thresholds": thresholds,
        "timeframe": first["timeframe"],
        "target_threshold": first["target"],
        "modified_at": now_s,
        "monitor_tags": [],
    }
    if "warning" in first:
        made["warning_threshold"] = first["warning"]
    return made | (_of_metric(given) if kind == "metric" else _of_monitors(given, monitors))


def _of_metric(given: Mapping[str, Any]) -> Json:
    query = given.get("query")
    if not isinstance(query, dict):
        raise SloError("query must be an object with numerator and denominator.")
    found = {}
    for name in ("numerator", "denominator"):
        text = query.get(name)
        if not isinstance(text, str) or not text:
            raise SloError(f"query.{name} is missing.")
        try:
            parse_query(text)
        except MetricQueryError as wrong:
            raise SloError(f"query.{name} is no metric query: {wrong.message}", hint=wrong.hint) from wrong
        found[name] = text
    return {"query": found}


def _of_monitors(given: Mapping[str, Any], monitors: Container[int]) -> Json:
    ids = given.get("monitor_ids")
    if not isinstance(ids, list) or not ids or len(ids) > MONITORS_MAX:
        raise SloError(f"monitor_ids must name 1 to {MONITORS_MAX} monitors.")
    for identity in ids:
        if isinstance(identity, bool) or not isinstance(identity, int) or identity not in monitors:
            raise SloError(f"There is no monitor {str(identity)[:30]}.")
    groups = _texts(given, "groups")
    if groups and len(ids) > 1:
        raise SloError("groups need exactly one monitor.")
    return {"monitor_ids": ids} | ({"groups": groups} if groups else {})


def _thresholds(given: Any) -> list[Json]:
    if not isinstance(given, list) or not 0 < len(given) <= THRESHOLDS_MAX:
        raise SloError("thresholds must be an array with at least one threshold.")
    found: list[Json] = []
    for one in given:
        if not isinstance(one, dict) or one.get("timeframe") not in TIMEFRAMES:
            raise SloError(f"A threshold needs a timeframe: one of {', '.join(TIMEFRAMES)}.")
        target, warning = _percent(one, "target"), one.get("warning")
        if target is None:
            raise SloError("A threshold needs a target.")
        made = {"timeframe": one["timeframe"], "target": target, "target_display": f"{target:g}"}
        if warning is not None:
            warning = _percent(one, "warning")
            if warning is None or warning <= target:
                raise SloError("The warning of a threshold must be above its target.")
            made |= {"warning": warning, "warning_display": f"{warning:g}"}
        found.append(made)
    if len({one["timeframe"] for one in found}) < len(found):
        raise SloError("There are two thresholds of one timeframe.")
    return found


def _percent(threshold: Mapping[str, Any], name: str) -> float | None:
    value = threshold.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 100:
        raise SloError(f"The {name} of a threshold must be a number between 0 and 100.")
    return float(value)


def _texts(given: Mapping[str, Any], name: str) -> list[str]:
    value = given.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SloError(f"{name} must be an array of strings.")
    return value

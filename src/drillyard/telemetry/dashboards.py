"""
Dashboards as people wrote them; nobody draws them here.

Source: Datadog's API reference, "Dashboards" (v1), and its Python client's model `Dashboard`.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.times import iso

LAYOUTS = ("ordered", "free")
WIDGETS_MAX = 500
_OWN = frozenset({"id", "author_handle", "author_name", "created_at", "modified_at", "url"})
"""What the server says of a dashboard; a client that sends a dashboard back is not obeyed in these."""
_DEFAULTS: dict[str, Any] = {
    "description": None,
    "is_read_only": False,
    "notify_list": [],
    "reflow_type": None,
    "restricted_roles": [],
    "tags": None,
    "template_variables": [],
    "template_variable_presets": [],
}
_SUMMARY = ("id", "title", "description", "layout_type", "url", "author_handle", "created_at", "modified_at")

Json = dict[str, Any]


class DashboardError(DrillyardError):
    """A dashboard that cannot be kept as it is written."""


def new_dashboard(given: Mapping[str, Any], now_ms: int) -> Json:
    """The dashboard that a POST describes, with its id. Raises DashboardError."""
    identity = _identity()
    own = {"id": identity, "author_handle": "on-call", "author_name": "on-call", "created_at": iso(now_ms)}
    return _whole(given, own, now_ms)


def changed_dashboard(before: Mapping[str, Any], given: Mapping[str, Any], now_ms: int) -> Json:
    """What a PUT makes of it: everything but the server's own fields is replaced. Raises DashboardError."""
    return _whole(given, {name: before[name] for name in _OWN if name in before}, now_ms)


def summary(dashboard: Mapping[str, Any]) -> Json:
    """A row of the list."""
    return {name: dashboard.get(name) for name in (*_SUMMARY, "is_read_only")}


def _whole(given: Mapping[str, Any], own: Json, now_ms: int) -> Json:
    title, layout, widgets = given.get("title"), given.get("layout_type"), given.get("widgets")
    if not isinstance(title, str) or not title:
        raise DashboardError("title is missing.")
    if layout not in LAYOUTS:
        raise DashboardError(f"layout_type must be one of {', '.join(LAYOUTS)}.")
    shown = {name: value for name, value in given.items() if name not in _OWN}
    made = _DEFAULTS | shown | own | {"widgets": _widgets(widgets), "modified_at": iso(now_ms)}
    if layout == "free":
        made.pop("reflow_type")
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:80]
    return made | {"url": f"/dashboard/{own['id']}/{slug}"}


def _widgets(given: Any) -> list[Json]:
    """Each widget with an id, those of a group as well."""
    if not isinstance(given, list) or not all(isinstance(part, dict) for part in given):
        raise DashboardError("widgets must be an array of objects.")
    if len(given) > WIDGETS_MAX:
        raise DashboardError(f"widgets holds more than {WIDGETS_MAX} entries.")
    found = []
    for part in given:
        definition = part.get("definition")
        if not isinstance(definition, dict) or not isinstance(definition.get("type"), str):
            raise DashboardError("Every widget needs a definition with its type.")
        if definition["type"] == "group":
            inner = definition.get("widgets")
            if any(_type_of(one) == "group" for one in (inner if isinstance(inner, list) else [])):
                raise DashboardError("A group cannot hold another group.")
            definition = definition | {"widgets": _widgets(inner)}
        found.append({"id": uuid4().int >> 76} | part | {"definition": definition})
    return found


def _type_of(widget: Any) -> Any:
    definition = widget.get("definition") if isinstance(widget, dict) else None
    return definition.get("type") if isinstance(definition, dict) else None


def _identity() -> str:
    """`abc-def-ghi`, as Datadog names dashboards."""
    letters = string.ascii_lowercase + string.digits
    number, found = uuid4().int, ""
    for _ in range(9):
        number, place = divmod(number, len(letters))
        found += letters[place]
    return f"{found[:3]}-{found[3:6]}-{found[6:]}"

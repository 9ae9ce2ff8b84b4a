"""
Notebooks as people wrote them: runbooks and notes of an investigation.

Source: Datadog's API reference, "Notebooks" (v1), and its Python client's model `NotebookResponseData`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.times import iso

CELLS_MAX = 500
_AUTHOR = {"name": "on-call", "handle": "on-call", "email": "", "status": "Active", "verified": True, "disabled": False}

Json = dict[str, Any]


class NotebookError(DrillyardError):
    """A notebook that cannot be kept as it is written."""


def new_notebook(number: int, attributes: Mapping[str, Any], now_ms: int) -> Json:
    """The notebook that a POST describes. Raises NotebookError."""
    own = {"author": _AUTHOR, "created": iso(now_ms)}
    return {"id": number, "type": "notebooks", "attributes": _whole(attributes, own, now_ms)}


def changed_notebook(before: Mapping[str, Any], attributes: Mapping[str, Any], now_ms: int) -> Json:
    """What a PUT makes of it. Raises NotebookError."""
    own = {name: before["attributes"][name] for name in ("author", "created")}
    return dict(before) | {"attributes": _whole(before["attributes"] | attributes, own, now_ms)}


def _whole(given: Mapping[str, Any], own: Json, now_ms: int) -> Json:
    name, cells, time = given.get("name"), given.get("cells"), given.get("time")
    if not isinstance(name, str) or not name:
        raise NotebookError("name is missing.")
    if not isinstance(time, dict):
        raise NotebookError('time must be an object, such as {"live_span": "1h"}.')
    if not isinstance(cells, list) or len(cells) > CELLS_MAX:
        raise NotebookError(f"cells must be an array of at most {CELLS_MAX} cells.")
    kept = {"metadata": {}, "status": "published"} | {
        part: given[part] for part in ("metadata", "status", "template_variables") if given.get(part) is not None
    }
    return {"name": name, "cells": [_cell(cell) for cell in cells], "time": time, "modified": iso(now_ms)} | kept | own


def _cell(cell: Any) -> Json:
    attributes = cell.get("attributes") if isinstance(cell, dict) else None
    if not isinstance(attributes, dict) or not isinstance(attributes.get("definition"), dict):
        raise NotebookError("A cell is an object with attributes.definition.")
    return {"id": str(cell.get("id") or uuid4().hex[:8]), "type": "notebook_cells", "attributes": attributes}

"""
Server-side apply: merges a configuration into an object by ownership of fields.

What the configuration names is set and owned by its manager. What its last configuration named and this one does not,
and nobody else owns, is removed. A field that somebody else owns with another value is a conflict (409), unless forced.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from drillyard.cluster.apiserver import status
from drillyard.cluster.apiserver.field_paths import (
    Path,
    Paths,
    applied_paths,
    children,
    difference,
    element_node,
    granularity,
    shown,
)
from drillyard.cluster.apiserver.managed_fields import Entry, entries_of, write_entries
from drillyard.cluster.apiserver.schema import Node
from drillyard.cluster.client import ApiError, Object


def must_have_manager(manager: str) -> None:
    """Raises ApiError 422 for an apply that does not say who applies."""
    if not manager:
        problem = status.required("fieldManager", "is required for apply patch")
        raise status.invalid("meta.k8s.io", "PatchOptions", "", [problem])


def apply(live: Object, applied: Object, node: Node, writer: Entry, *, force: bool) -> Object:
    """The merged object with its managedFields. Raises ApiError 409 with every conflict."""
    entries = entries_of(live)
    own = next((entry for entry in entries if entry.is_of(writer.manager, "Apply", writer.subresource)), None)
    others = [entry for entry in entries if entry is not own]
    wanted = applied_paths(applied, node)
    merged: Object = _merge(live, applied, node)
    if own is not None:
        kept = wanted.union(*(entry.paths for entry in others))
        for path in sorted(own.paths - wanted, key=len):  # A list item before its key, by which it is found.
            if not any(other[: len(path)] == path for other in kept):
                _remove(merged, path, node)
    changed = difference(live, merged, node)
    disputed = {entry.shown: entry.paths & wanted & changed.modified for entry in others}
    if not force and any(disputed.values()):
        raise _conflict(disputed)
    for entry in others:
        entry.paths -= changed.modified | changed.removed
    if own is None:
        own = writer
    if own.paths != wanted or changed.written or changed.removed:
        own.time = writer.time
    own.paths, own.api_version = wanted, writer.api_version
    write_entries(merged, [own, *others])
    return merged


def _merge(live: Any, applied: Any, node: Node) -> Any:
    kind = granularity(node, applied)
    if kind == "leaf" or type(live) is not type(applied):
        return applied
    if kind == "map":
        merged = dict(live)
        for name, value in applied.items():
            below = element_node(node, f"f:{name}")
            merged[name] = _merge(live[name], value, below) if name in live else value
        return merged
    known, wanted = dict(children(live, node)), dict(children(applied, node))
    items = {
        element: _merge(known[element], item, element_node(node, element)) if element in known else item
        for element, item in wanted.items()
    }
    return [items.pop(element, item) for element, item in known.items()] + list(items.values())


def _remove(obj: Any, path: Path, node: Node) -> None:
    """Takes the field at the path out of the object, if it is there. Lists and maps on the way are copied."""
    *way, last = path
    if way and way[-1].startswith("k:") and last[2:] in orjson.loads(way[-1][2:]):
        return  # Without its key an item would be nobody.
    at = obj
    for element in way:
        below = element_node(node, element)
        found = dict(children(at, node)).get(element)
        if not isinstance(found, dict | list):
            return
        copied = found.copy()
        if isinstance(at, dict):
            at[element[2:]] = copied
        else:
            at[at.index(found)] = copied
        at, node = copied, below
    if isinstance(at, dict):
        at.pop(last[2:], None)
    else:
        found = dict(children(at, node)).get(last)
        if found in at:
            at.remove(found)


def _conflict(disputed: dict[str, Paths]) -> ApiError:
    texts, causes, count = [], [], 0
    for manager, paths in sorted(disputed.items()):
        fields = sorted(map(shown, paths))
        count += len(fields)
        texts += [_sentence(manager, fields)] if fields else []
        causes += [
            {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": name} for name in fields
        ]
    plural = "" if count == 1 else "s"
    message = f"Apply failed with {count} conflict{plural}: " + "\n".join(texts)
    return ApiError(409, "Conflict", message, {"causes": causes})


def _sentence(manager: str, fields: Iterable[str]) -> str:
    listed = list(fields)
    if len(listed) == 1:
        return f"conflict with {manager}: {listed[0]}"
    return f"conflicts with {manager}:\n" + "\n".join(f"- {name}" for name in listed)

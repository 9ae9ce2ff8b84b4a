"""
Which fields an object has, and which of them differ between two versions of it: sets of paths, as FieldsV1 writes them.

A path is a tuple of elements: `f:name` a field, `k:{"name":"web"}` a list item by its keys, `v:"x"` an item of a set.
The walk follows the schema and the rules of sigs.k8s.io/structured-merge-diff.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from drillyard.cluster.apiserver import schema
from drillyard.cluster.apiserver.schema import Node
from drillyard.cluster.client import Object

Path = tuple[str, ...]
Paths = set[Path]

_ABSENT: Any = object()
_UNTRACKED = {("f:apiVersion",), ("f:kind",)} | {
    ("f:metadata", f"f:{name}")
    for name in (
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "generation",
        "managedFields",
        "resourceVersion",
    )
}
# Structs that Go's zero value of an object already has: they are not "added" with their first field.
_ALWAYS_THERE: Paths = {
    tuple(f"f:{name}" for name in text.split("."))
    for text in (
        "metadata",
        "spec",
        "status",
        "spec.template",
        "spec.template.metadata",
        "spec.template.spec",
        "spec.template.spec.containers",
        "spec.containers",
        "spec.strategy",
        "spec.updateStrategy",
        "spec.scaleTargetRef",
        "status.loadBalancer",
        "roleRef",
        "involvedObject",
        "source",
    )
}


@dataclass
class Difference:
    """What became of the fields between two versions."""

    added: Paths = field(default_factory=set)
    removed: Paths = field(default_factory=set)
    modified: Paths = field(default_factory=set)

    @property
    def written(self) -> Paths:
        return self.added | self.modified


def difference(old: Object, new: Object, node: Node) -> Difference:
    """From one version to the next; identity and version counters are not tracked."""
    found = Difference()
    _compare(old, new, node, (), found)
    for paths in (found.added, found.removed, found.modified):
        paths.difference_update(_UNTRACKED)
        paths.discard(())
    return found


def _compare(old: Any, new: Any, node: Node, path: Path, found: Difference) -> None:
    if old is new or path in _UNTRACKED:
        return
    if path in _ALWAYS_THERE:
        empty: Any = [] if isinstance(old, list) or isinstance(new, list) else {}
        old, new = (empty if side is _ABSENT else side for side in (old, new))
    kind = granularity(node, old if new is _ABSENT else new)
    nothing = all(side is _ABSENT or side in ({}, []) for side in (old, new))
    if kind == "leaf" or nothing or not _same_sort(old, new):
        if old is _ABSENT:
            found.added.add(path)
        elif new is _ABSENT:
            found.removed.add(path)
        elif old != new:
            found.modified.add(path)
        return
    if old is _ABSENT:
        found.added.add(path)
    elif new is _ABSENT:
        found.removed.add(path)
    before, after = (dict(children(side, node)) if side is not _ABSENT else {} for side in (old, new))
    for element in before.keys() | after.keys():
        below = element_node(node, element)
        _compare(before.get(element, _ABSENT), after.get(element, _ABSENT), below, (*path, element), found)


def _same_sort(old: Any, new: Any) -> bool:
    return old is _ABSENT or new is _ABSENT or type(old) is type(new)


def granularity(node: Node, value: Any) -> str:
    """ "map", "items" (a list with keys), "set", or "leaf" for what is owned as a whole."""
    resolved = schema.resolve(node)
    if isinstance(value, dict):
        atomic = "atomic" in (node.get("x-kubernetes-map-type"), resolved.get("x-kubernetes-map-type"))
        free = not resolved.get("properties") and "additionalProperties" not in resolved
        return "leaf" if atomic or (free and resolved != {}) else "map"
    if isinstance(value, list):
        return {"map": "items", "set": "set"}.get(node.get("x-kubernetes-list-type", ""), "leaf")
    return "leaf"


def children(value: Any, node: Node) -> Iterator[tuple[str, Any]]:
    """The parts of a granular value by their path elements."""
    kind = granularity(node, value)
    if kind == "map":
        for name, item in value.items():
            yield f"f:{name}", item
    elif kind == "items":
        for item in value:
            yield item_element(item, node), item
    elif kind == "set":
        for item in value:
            yield "v:" + orjson.dumps(item).decode(), item


def item_element(item: Object, node: Node) -> str:
    """`k:{…}` of a list item; a protocol that is left out is TCP."""
    keys = node.get("x-kubernetes-list-map-keys", ())
    named = {key: item.get(key, "TCP" if key == "protocol" else None) for key in sorted(keys)}
    return "k:" + orjson.dumps({key: value for key, value in named.items() if value is not None}).decode()


def element_node(node: Node, element: str) -> Node:
    """The schema below one path element."""
    if element.startswith("f:"):
        return schema.child(node, element[2:]) or {}
    items: Node = schema.resolve(node).get("items", {})
    return items


def applied_paths(obj: Object, node: Node) -> Paths:
    """The fields that an apply configuration names: its leaves, its map keys and its list items."""
    found: Paths = set()
    _collect(obj, node, (), found)
    found.difference_update(_UNTRACKED)
    return found


def _collect(value: Any, node: Node, path: Path, found: Paths) -> None:
    if path in _UNTRACKED:
        return
    if granularity(node, value) == "leaf" or value in ({}, []):
        found.add(path)
        return
    properties = schema.resolve(node).get("properties", {})
    for element, item in children(value, node):
        below = (*path, element)
        _collect(item, element_node(node, element), below, found)
        if not (element.startswith("f:") and element[2:] in properties) and below not in _UNTRACKED:
            found.add(below)


def to_fields(paths: Paths) -> Object:
    """FieldsV1: paths as nested objects; a path that also has paths below it is marked with "."."""
    root: Object = {}
    for path in sorted(paths):
        at = root
        for element in path:
            at = at.setdefault(element, {})
        at["."] = {}
    return _without_lonely_dots(root)


def _without_lonely_dots(tree: Object) -> Object:
    return {element: {} if set(below) <= {"."} else _without_lonely_dots(below) for element, below in tree.items()}


def from_fields(fields: Object) -> Paths:
    """The inverse of `to_fields`."""
    found: Paths = set()
    todo: list[tuple[Path, Object]] = [((), fields)]
    while todo:
        path, tree = todo.pop()
        for element, below in tree.items():
            if element == ".":
                found.add(path)
            elif not below:
                found.add((*path, element))
            else:
                todo.append(((*path, element), below))
    return found


def shown(path: Path) -> str:
    """A path for people: `.spec.containers[name="web"].image`."""
    text = ""
    for element in path:
        kind, rest = element[0], element[2:]
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            keys = ",".join(f"{key}={orjson.dumps(value).decode()}" for key, value in orjson.loads(rest).items())
            text += f"[{keys}]"
        else:
            text += f"[={rest}]"
    return text

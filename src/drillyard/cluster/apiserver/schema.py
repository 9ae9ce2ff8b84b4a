"""
What fields an object may have, of which type, and how lists of them merge: Kubernetes' own OpenAPI definitions.

The definitions are data made by scripts/kubernetes_schema.py; they drive strict field validation, strategic merge,
server-side apply, `kubectl explain` and the OpenAPI documents. Loaded once, on first use.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from drillyard.cluster.timestamps import parse_time

Node = dict[str, Any]

_PREFIX = "#/components/schemas/"
_DEPTH_MAX = 64
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"


@cache
def definitions() -> dict[str, Node]:
    """All definitions by name, such as `io.k8s.api.core.v1.Pod`. Shared: change none of them."""
    packed = files("drillyard.cluster.apiserver").joinpath("data/schema.json.gz").read_bytes()
    loaded: dict[str, Node] = orjson.loads(gzip.decompress(packed))
    return loaded


@cache
def _kinds() -> dict[tuple[str, str, str], str]:
    return {
        (gvk["group"], gvk["version"], gvk["kind"]): name
        for name, definition in definitions().items()
        for gvk in definition.get("x-kubernetes-group-version-kind", ())
    }


def name_of_kind(group: str, version: str, kind: str) -> str | None:
    """The definition's name, or None for a kind that has none (metrics.k8s.io)."""
    return _kinds().get((group, version, kind))


def of_kind(group: str, version: str, kind: str) -> Node:
    """The definition; an empty one, which knows nothing and forbids nothing, for a kind without."""
    name = name_of_kind(group, version, kind)
    return definitions()[name] if name else {}


def reference_of(node: Node) -> str:
    """The name of the definition that a node refers to, "" for none."""
    if "allOf" in node:
        node = node["allOf"][0]
    return str(node.get("$ref", "")).removeprefix(_PREFIX)


def resolve(node: Node) -> Node:
    """The node itself, or the definition that it refers to."""
    reference = reference_of(node)
    return definitions()[reference] if reference else node


def child(node: Node, key: str) -> Node | None:
    """The schema of a key of an object, unresolved (so that its merge key can be read); None if there is none."""
    resolved = resolve(node)
    found: Node | None = resolved.get("properties", {}).get(key)
    if found is None and isinstance(more := resolved.get("additionalProperties"), dict):
        found = more
    return found


def description(group: str, version: str, kind: str, *path: str) -> str:
    """The documentation of a field, as tables show it over their columns."""
    node: Node | None = of_kind(group, version, kind)
    for key in path:
        node = child(node, key) if node else None
    return str((node or {}).get("description", ""))


def problems(obj: Any, node: Node, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """
    What the definition does not allow, as ("unknown", path) or ("type", sentence). Nulls count as absent.

    Paths are written as a strict decoder of Kubernetes writes them: `spec.template.spec.containers[0].imagee`.
    """
    if obj is None:
        return
    if depth > _DEPTH_MAX:
        yield "type", f"{path}: nested too deeply"
        return
    reference = reference_of(node)
    resolved = resolve(node)
    if reference in (_QUANTITY, _INT_OR_STRING):
        if isinstance(obj, bool | dict | list):
            yield "type", _mismatch(obj, path, "a string or a number")
        return
    expected = resolved.get("type")
    if expected and not _fits(obj, expected):
        yield "type", _mismatch(obj, path, f"type {expected}")
    elif resolved.get("format") == "date-time" and not _is_time(obj):
        yield "type", f'parsing time "{obj}" in field {path} as "2006-01-02T15:04:05Z07:00": cannot parse'
    elif isinstance(obj, dict):
        properties = resolved.get("properties")
        for key, value in obj.items():
            below = child(resolved, key)
            where = f"{path}.{key}" if path else key
            if below is not None:
                yield from problems(value, below, where, depth + 1)
            elif properties is not None:
                yield "unknown", where
    elif isinstance(obj, list):
        items = resolved.get("items", {})
        for index, item in enumerate(obj):
            if item is None:
                yield "type", f"json: cannot unmarshal null into field {path}[{index}]"
            yield from problems(item, items, f"{path}[{index}]", depth + 1)


def _is_time(text: str) -> bool:
    try:
        parse_time(text)
    except ValueError:
        return False
    return "T" in text


def _fits(obj: Any, expected: str) -> bool:
    match expected:
        case "object":
            return isinstance(obj, dict)
        case "array":
            return isinstance(obj, list)
        case "string":
            return isinstance(obj, str)
        case "boolean":
            return isinstance(obj, bool)
        case "integer":
            return isinstance(obj, int) and not isinstance(obj, bool)
        case _:
            return isinstance(obj, int | float) and not isinstance(obj, bool)


def _mismatch(obj: Any, path: str, expected: str) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    return f"json: cannot unmarshal {names[type(obj)]} into field {path or '(root)'} of {expected}"


_ZEROS: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}


def put_zeros(obj: Any, node: Node) -> None:
    """
    Gives absent fields that are required, and scalar, the zero that Go would write for them, in place.

    So whoever reads a stored object may rely on them; whether a zero makes sense is for validation to say.
    """
    resolved = resolve(node)
    if isinstance(obj, dict):
        properties = resolved.get("properties", {})
        for name in resolved.get("required", ()):
            zero = _ZEROS.get(properties[name].get("type", ""))
            if zero is not None:
                obj.setdefault(name, zero)
        for name, value in obj.items():
            if isinstance(value, dict | list) and (below := child(resolved, name)) is not None:
                put_zeros(value, below)
    elif isinstance(obj, list) and obj and isinstance(obj[0], dict):
        items = resolved.get("items", {})
        for item in obj:
            put_zeros(item, items)


def without_nulls(obj: Any) -> Any:
    """The same object without null fields: a null and an absent field mean the same, and must hash the same."""
    if isinstance(obj, dict):
        return {key: without_nulls(value) for key, value in obj.items() if value is not None}
    if isinstance(obj, list):
        return [without_nulls(item) for item in obj]
    return obj

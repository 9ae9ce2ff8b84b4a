"""
Three of the four kinds of patch: merge (RFC 7386), JSON patch (RFC 6902) and Kubernetes' strategic merge.

Strategic merge merges lists of named things by their key, with the directives that kubectl sends ($patch, $retainKeys,
$setElementOrder/…, $deleteFromPrimitiveList/…): https://github.com/kubernetes/design-proposals-archive.
No patch changes its input.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jsonpatch

from drillyard.cluster.apiserver import schema
from drillyard.cluster.apiserver.schema import Node
from drillyard.cluster.apiserver.status import bad_request
from drillyard.cluster.client import ApiError, Object

_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"
_PYTHON_TYPE = re.compile(r" \(<class '\w+'>\)")  # In the library's words.
_OPERATIONS_MAX = 10_000


def merge(current: Any, patch: Any) -> Any:
    """RFC 7386: null deletes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(current) if isinstance(current, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def json_patch(current: Object, operations: Object | Sequence[Object]) -> Object:
    """RFC 6902. Raises ApiError: 400 for what is no JSON patch, 422 when it does not fit the object."""
    if not isinstance(operations, list) or len(operations) > _OPERATIONS_MAX:
        raise bad_request(f"a JSON patch is an array of at most {_OPERATIONS_MAX} operations")
    try:
        patched: Object = jsonpatch.JsonPatch(operations).apply(current)
    except jsonpatch.InvalidJsonPatch as malformed:
        raise bad_request(f"error decoding JSON patch: {malformed}") from malformed
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as misfit:
        why = _PYTHON_TYPE.sub("", str(misfit))
        message = f"the server rejected our request due to an error in our request: {why}"
        raise ApiError(422, "Invalid", message, {}) from misfit
    except (TypeError, KeyError, ValueError) as malformed:
        raise bad_request(f"error decoding JSON patch: {malformed!r}") from malformed
    if not isinstance(patched, dict):
        raise bad_request("the JSON patch leaves no object")
    return patched


def strategic_merge(current: Object, patch: Object, node: Node) -> Object:
    """Merges by the schema of the kind. Raises ApiError 400 for a directive that makes no sense."""
    if not isinstance(patch, dict):
        raise bad_request("a strategic merge patch is an object")
    return _merge_objects(current, patch, node)


def _merge_objects(current: Object, patch: Object, node: Node) -> Object:
    directive = patch.get("$patch", "merge")
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if directive != "merge":
        raise bad_request(f"unknown patch directive {directive!r}: use replace, merge or delete")
    for key, value in patch.items():
        if (key == "$retainKeys" or key.startswith((_DELETE, _ORDER))) and not isinstance(value, list):
            raise bad_request(f"the patch directive {key} takes a list")
    result = dict(current)
    if (kept := patch.get("$retainKeys")) is not None:
        result = {key: value for key, value in result.items() if key in kept}
    for key, value in patch.items():
        if key.startswith(_DELETE):
            name = key.removeprefix(_DELETE)
            if isinstance(before := result.get(name), list):
                result[name] = [item for item in before if item not in value]
        elif not key.startswith("$"):
            _merge_field(result, key, value, schema.child(node, key) or {})
    for key, order in patch.items():
        if key.startswith(_ORDER) and isinstance(result.get(name := key.removeprefix(_ORDER)), list):
            merge_key = (schema.child(node, name) or {}).get("x-kubernetes-patch-merge-key")
            result[name] = _ordered(result[name], order, merge_key, current.get(name) or [])
    return result


def _merge_field(result: Object, key: str, value: Any, node: Node) -> None:
    if value is None:
        result.pop(key, None)
    elif isinstance(value, dict):
        below = result.get(key)
        if value.get("$patch") == "delete":
            result.pop(key, None)
        else:
            result[key] = _merge_objects(below if isinstance(below, dict) else {}, value, node)
    elif isinstance(value, list):
        result[key] = _merge_lists(result.get(key) or [], value, node)
    else:
        result[key] = value


def _merge_lists(current: list[Any], patch: list[Any], node: Node) -> list[Any]:
    if "merge" not in node.get("x-kubernetes-patch-strategy", "").split(","):
        return patch
    merge_key = node.get("x-kubernetes-patch-merge-key")
    if merge_key is None:
        return current + [item for item in patch if item not in current]
    without = [item for item in patch if not isinstance(item, dict) or item.get("$patch") != "replace"]
    if len(without) < len(patch):
        return without
    items, result = node.get("items", {}), list(current)
    for item in patch:
        if not isinstance(item, dict) or merge_key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {merge_key}")
        at = next((i for i, known in enumerate(result) if known.get(merge_key) == item[merge_key]), None)
        if item.get("$patch") == "delete":
            result = [known for known in result if known.get(merge_key) != item[merge_key]]
        elif at is None:
            result.append(_merge_objects({}, item, items))
        else:
            result[at] = _merge_objects(result[at], item, items)
    return result


def _ordered(merged: list[Any], order: list[Any], merge_key: str | None, before: list[Any]) -> list[Any]:
    """The items that the client ordered in its order; the others stay before what they stood before."""

    def identity(item: Any) -> Any:
        return item.get(merge_key) if merge_key and isinstance(item, dict) else item

    wanted = [identity(item) for item in order]
    was_at = {_hashable(identity(item)): index for index, item in enumerate(before)}
    listed = [item for item in merged if identity(item) in wanted]
    listed.sort(key=lambda item: wanted.index(identity(item)))
    others = [item for item in merged if identity(item) not in wanted]
    result: list[Any] = []
    while listed and others:
        first, second = (was_at.get(_hashable(identity(side[0])), len(before)) for side in (listed, others))
        result.append(others.pop(0) if second < first else listed.pop(0))
    return result + listed + others


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else repr(value)

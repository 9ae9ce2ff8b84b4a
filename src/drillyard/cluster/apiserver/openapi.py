"""
OpenAPI documents: `kubectl apply` reads types and merge keys from them, `kubectl explain` its texts.

Version 3 comes as one document per group version, found through an index whose hashes let clients cache; version 2
is one document, as JSON only.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import orjson

from drillyard.cluster.apiserver import schema
from drillyard.cluster.apiserver.discovery import KUBERNETES_VERSION
from drillyard.cluster.client import Object
from drillyard.cluster.resources import RESOURCES, Resource, group_versions

PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
EMPTY_V2 = b"\x0a\x032.0\x42\x00"
"""
Version 2 as protobuf (`swagger: "2.0"`, no paths). kubectl asks for it only when version 3 lacks a kind; finding that
it is not here either, kubectl says so ("no matches for kind").
"""

_PREFIX = "#/components/schemas/"
_EXTRA = ("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions", "io.k8s.apimachinery.pkg.apis.meta.v1.Status")
_WRITE_OPTIONS = ("dryRun", "fieldManager", "fieldValidation")
_PATCHES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")


def _path_of(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


@cache
def index() -> Object:
    """`GET /openapi/v3`."""
    found = {}
    for group, version in group_versions():
        path = _path_of(group, version)
        digest = hashlib.sha256(document(path) or b"").hexdigest().upper()
        found[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": found}


@cache
def document(path: str) -> bytes | None:
    """`GET /openapi/v3/apis/apps/v1`; None for a group version that is not served."""
    for group, version in group_versions():
        if _path_of(group, version) == path:
            return orjson.dumps(_document(group, version), option=orjson.OPT_SORT_KEYS)
    return None


def _document(group: str, version: str) -> Object:
    rows = [row for row in RESOURCES if (row.group, row.version) == (group, version)]
    names = {name for row in rows for kind in (row.kind, row.kind + "List") if (name := _name(row, kind))}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Drillyard", "version": KUBERNETES_VERSION},
        "paths": {path: item for row in rows for path, item in _paths(row).items()},
        "components": {"schemas": {name: schema.definitions()[name] for name in _closure({*names, *_EXTRA})}},
    }


def _name(row: Resource, kind: str) -> str | None:
    return schema.name_of_kind(row.group, row.version, kind)


def _closure(names: set[str]) -> list[str]:
    todo, found = list(names), set[str]()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(_references(schema.definitions()[name]))
    return sorted(found)


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"].removeprefix(_PREFIX)] if isinstance(node.get("$ref"), str) else []
        return own + [name for value in node.values() for name in _references(value)]
    if isinstance(node, list):
        return [name for item in node for name in _references(item)]
    return []


def _paths(row: Resource) -> dict[str, Object]:
    scope = "/namespaces/{namespace}" if row.namespaced else ""
    base = f"/{_path_of(row.group, row.version)}{scope}/{row.plural}"
    one = {verb: _operation(row, verb) for verb in ("get", "put", "patch", "delete") if _serves(row, verb)}
    many = {verb: _operation(row, verb) for verb in ("get", "post") if _serves(row, verb)}
    return {base: many, base + "/{name}": one} if one else {base: many}


def _serves(row: Resource, method: str) -> bool:
    verbs = {"get": "get", "put": "update", "patch": "patch", "delete": "delete", "post": "create"}
    return verbs[method] in row.verbs


def _operation(row: Resource, method: str) -> Object:
    name = _name(row, row.kind)
    body = {"schema": {"$ref": _PREFIX + name}} if name else {}
    operation: Object = {
        "operationId": f"{method}{row.group.title().replace('.', '')}{row.version.title()}{row.kind}",
        "responses": {"200": {"description": "OK", "content": {"application/json": body}}},
        "x-kubernetes-action": method,
        "x-kubernetes-group-version-kind": {"group": row.group, "version": row.version, "kind": row.kind},
    }
    if method in ("post", "put", "patch"):
        operation["parameters"] = [
            {"name": option, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
            for option in _WRITE_OPTIONS
        ]
        types = _PATCHES if method == "patch" else ("application/json",)
        operation["requestBody"] = {"content": dict.fromkeys(types, body), "required": True}
    return operation


@cache
def document_v2() -> bytes:
    """`GET /openapi/v2`: the same definitions in the older form."""
    names = {name for row in RESOURCES for kind in (row.kind, row.kind + "List") if (name := _name(row, kind))}
    definitions = {name: schema.definitions()[name] for name in _closure({*names, *_EXTRA})}
    text = orjson.dumps(
        {
            "swagger": "2.0",
            "info": {"title": "Drillyard", "version": KUBERNETES_VERSION},
            "paths": {},
            "definitions": definitions,
        },
        option=orjson.OPT_SORT_KEYS,
    )
    return text.replace(_PREFIX.encode(), b"#/definitions/")

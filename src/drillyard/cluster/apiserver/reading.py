"""
Get and list: one object or many, as JSON, as a table or as metadata only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson

from drillyard.cluster.apiserver import conversion, status, tables
from drillyard.cluster.apiserver.request import ApiRequest, Form
from drillyard.cluster.apiserver.selection import Selection
from drillyard.cluster.apiserver.store import Store, Stored
from drillyard.cluster.client import Object
from drillyard.cluster.resources import Resource


def selection_of(resource: Resource, query: Mapping[str, str]) -> Selection:
    """The selectors of a request. Raises ApiError 400."""
    return Selection.of(query.get("labelSelector", ""), query.get("fieldSelector", ""), resource.key)


def version_of(query: Mapping[str, str]) -> int:
    """`resourceVersion`, 0 for none. Raises ApiError 400."""
    text = query.get("resourceVersion") or "0"
    if not text.isdecimal() or len(text) > 18:
        raise status.bad_request(f'resourceVersion: Invalid value: "{text}": it must be a number given by this server')
    return int(text)


def object_bytes(resource: Resource, stored: Stored) -> bytes:
    """The object as JSON with its kind; for most kinds the stored text, with a head put on."""
    if not conversion.is_preferred(resource):
        return orjson.dumps(conversion.from_storage(resource, stored.obj))
    return (
        b'{"kind":"%s","apiVersion":"%s",'
        % (
            resource.kind.encode(),
            resource.api_version.encode(),
        )
        + stored.raw[1:]
    )


def presented(resource: Resource, stored: Stored, form: Form, query: Mapping[str, str], now: datetime) -> bytes:
    """One object in the asked form."""
    if form == "json":
        return object_bytes(resource, stored)
    obj = conversion.from_storage(resource, stored.obj)
    if form == "partial":
        return orjson.dumps(tables.partial(obj))
    row = tables.row_of(resource, stored.obj, obj, query.get("includeObject", "Metadata"), now)
    return orjson.dumps(tables.table(resource, [row], str(stored.version)))


def listed(request: ApiRequest, store: Store, form: Form, query: Mapping[str, str], now: datetime) -> bytes:
    """A list in the asked form. `limit` may be ignored by a server, and is."""
    resource = request.resource
    if (asked := version_of(query)) > store.version:
        raise status.version_too_large(asked, store.version)
    chosen = selection_of(resource, query)
    found = [stored for stored in store.list(resource.key, request.namespace or None) if chosen.sees(stored)]
    if form == "json":
        return _json_list(resource, found, store.version)
    objects = [conversion.from_storage(resource, stored.obj) for stored in found]
    if form == "partial":
        return orjson.dumps(list_of(resource, map(tables.partial, objects), store.version, "PartialObjectMetadata"))
    include = query.get("includeObject", "Metadata")
    pairs = zip(found, objects, strict=True)
    rows = [tables.row_of(resource, stored.obj, obj, include, now) for stored, obj in pairs]
    return orjson.dumps(tables.table(resource, rows, str(store.version)))


def _json_list(resource: Resource, found: list[Stored], version: int) -> bytes:
    """Items of a list carry no kind of their own, as in a real server's answers."""
    if not conversion.is_preferred(resource):
        items: list[Any] = [conversion.from_storage(resource, stored.obj) for stored in found]
        return orjson.dumps(list_of(resource, items, version))
    head = b'{"kind":"%sList","apiVersion":"%s","metadata":{"resourceVersion":"%d"},"items":[' % (
        resource.kind.encode(),
        resource.api_version.encode(),
        version,
    )
    return head + b",".join(stored.raw for stored in found) + b"]}"


def list_of(resource: Resource, items: Iterable[Object], version: int, kind: str = "") -> Object:
    """A List object of the kind."""
    return {
        "kind": f"{kind or resource.kind}List",
        "apiVersion": "meta.k8s.io/v1" if kind else resource.api_version,
        "metadata": {"resourceVersion": str(version)},
        "items": list(items),
    }

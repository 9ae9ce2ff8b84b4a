"""
Get and list: one object or many, as JSON, as a table or as metadata only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import orjson

from drillyard.cluster.apiserver import conversion, tables
from drillyard.cluster.apiserver.pages import Page, page_of
from drillyard.cluster.apiserver.request import ApiRequest, Form
from drillyard.cluster.apiserver.selection import Selection
from drillyard.cluster.apiserver.store import Store, Stored
from drillyard.cluster.client import Object
from drillyard.cluster.resources import Resource


def selection_of(resource: Resource, query: Mapping[str, str]) -> Selection:
    """The selectors of a request. Raises ApiError 400."""
    return Selection.of(query.get("labelSelector", ""), query.get("fieldSelector", ""), resource.key)


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
    return orjson.dumps(tables.table(resource, [row], {"resourceVersion": str(stored.version)}))


def listed(request: ApiRequest, store: Store, form: Form, query: Mapping[str, str], now: datetime) -> bytes:
    """A list, or a page of it, in the asked form."""
    resource = request.resource
    page = page_of(store, resource, request.namespace or None, selection_of(resource, query), query)
    if form == "json" and conversion.is_preferred(resource):
        return _json_list(resource, page)
    objects = [conversion.from_storage(resource, stored.obj) for stored in page.found]
    match form:
        case "json":
            return orjson.dumps(list_of(resource, objects, page.metadata))
        case "partial":
            return orjson.dumps(list_of(resource, map(tables.partial, objects), page.metadata, "PartialObjectMetadata"))
    include = query.get("includeObject", "Metadata")
    pairs = zip(page.found, objects, strict=True)
    rows = [tables.row_of(resource, stored.obj, obj, include, now) for stored, obj in pairs]
    return orjson.dumps(tables.table(resource, rows, page.metadata))


def _json_list(resource: Resource, page: Page) -> bytes:
    """From the stored texts. Items of a list carry no kind of their own, as in a real server's answers."""
    head = orjson.dumps(list_of(resource, (), page.metadata)).removesuffix(b"]}")
    return head + b",".join(stored.raw for stored in page.found) + b"]}"


def list_of(resource: Resource, items: Iterable[Object], metadata: Object, kind: str = "") -> Object:
    """A List object of the kind."""
    return {
        "kind": f"{kind or resource.kind}List",
        "apiVersion": "meta.k8s.io/v1" if kind else resource.api_version,
        "metadata": metadata,
        "items": list(items),
    }

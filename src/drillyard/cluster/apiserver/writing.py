"""
Create, update, patch and delete over HTTP: options out of the query, object out of the body, the right status back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drillyard.cluster.apiserver import conversion, status
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.options import DeleteRequest, WriteOptions
from drillyard.cluster.apiserver.reading import list_of, selection_of
from drillyard.cluster.apiserver.request import ApiRequest, is_true
from drillyard.cluster.apiserver.scale import patch_scale, update_scale
from drillyard.cluster.client import Object, PatchType

PATCH_TYPES: Mapping[str, PatchType] = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}


def write_options(query: Mapping[str, str], user_agent: str, *, applies: bool = False) -> WriteOptions:
    """Raises ApiError 422 for options that are none."""
    dry_run, validation = query.get("dryRun", ""), query.get("fieldValidation", "") or "Warn"
    if dry_run not in ("", "All"):
        problem = status.unsupported("dryRun", dry_run, ("All",))
        raise status.invalid("meta.k8s.io", "CreateOptions", "", [problem])
    if validation not in ("Ignore", "Warn", "Strict"):
        problem = status.unsupported("fieldValidation", validation, ("Ignore", "Strict", "Warn"))
        raise status.invalid("meta.k8s.io", "CreateOptions", "", [problem])
    manager = query.get("fieldManager") or ("" if applies else user_agent.split("/")[0] or "unknown")
    return WriteOptions(manager[:128], validation, dry_run == "All", is_true(query.get("force", "false")))


def created(objects: Objects, request: ApiRequest, body: Any, options: WriteOptions) -> Object:
    """POST of a new object."""
    must_be_object(body)
    return objects.create(request.resource, request.namespace or "", body, options)


def updated(objects: Objects, request: ApiRequest, body: Any, options: WriteOptions) -> Object:
    """PUT of an object, its status, its scale."""
    must_be_object(body)
    namespace, resource, name = request.namespace or "", request.resource, request.name
    if request.subresource == "scale":
        return update_scale(objects, resource, namespace, name, body, options)
    return objects.update(resource, namespace, name, body, options, request.subresource)


def patched(objects: Objects, request: ApiRequest, body: Any, kind: str, options: WriteOptions) -> tuple[Object, int]:
    """PATCH in any of the four kinds, named by its content type, and the HTTP status. Raises ApiError 415."""
    type = PATCH_TYPES.get(kind)
    if type is None:
        raise status.unsupported_media_type()
    namespace, resource, name = request.namespace or "", request.resource, request.name
    if request.subresource == "scale":
        return patch_scale(objects, resource, namespace, name, body, type, options), 200
    if type == "apply" and not request.subresource:
        must_be_object(body)
        answer, is_new = objects.apply(resource, namespace, name, body, options)
        return answer, 201 if is_new else 200
    return objects.patch(resource, namespace, name, body, type, options, request.subresource), 200


def delete_request(body: Any, query: Mapping[str, str]) -> DeleteRequest:
    """DeleteOptions out of the body, or of the query where the body has none. Raises ApiError 400."""
    must_be_object(body)
    preconditions = body.get("preconditions") or {}
    grace = body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    try:
        grace_s = None if grace is None else int(grace)
    except (TypeError, ValueError):
        raise status.bad_request(f"invalid value {grace!r} for gracePeriodSeconds: it takes a whole number") from None
    propagation = body.get("propagationPolicy") or query.get("propagationPolicy")
    if body.get("orphanDependents") is True:
        propagation = "Orphan"
    if propagation not in (None, "Background", "Foreground", "Orphan"):
        problem = status.unsupported("propagationPolicy", propagation, ("Foreground", "Background", "Orphan", "nil"))
        raise status.invalid("meta.k8s.io", "DeleteOptions", "", [problem])
    return DeleteRequest(
        grace_s=grace_s,
        propagation=propagation,
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        dry_run=body.get("dryRun") == ["All"] or query.get("dryRun") == "All",
    )


def deleted_all(objects: Objects, request: ApiRequest, body: Any, query: Mapping[str, str]) -> Object:
    """DELETE of a collection: everything that the selectors let through; the answer lists it as it was."""
    options = delete_request(body, query)
    chosen = selection_of(request.resource, query)
    metadata, gone = {"resourceVersion": str(objects.store.version)}, []
    for stored in objects.store.list(request.resource.key, request.namespace or None):
        if chosen.sees(stored):
            gone.append(conversion.from_storage(request.resource, stored.copy()))
            objects.delete(request.resource, stored.namespace, stored.name, options)
    return list_of(request.resource, gone, metadata)


def must_be_object(body: Any) -> None:
    if not isinstance(body, dict):
        raise status.bad_request("the body of the request is no object")

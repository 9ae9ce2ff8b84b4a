"""
`/scale`: the replicas of a Deployment or ReplicaSet as an object of its own, read and written without the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from drillyard.cluster.apiserver import patch, status, tables
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.options import WriteOptions
from drillyard.cluster.apiserver.subresources import scale_of, wanted_replicas
from drillyard.cluster.client import Object, PatchType
from drillyard.cluster.labels import selector_text
from drillyard.cluster.resources import Resource

_SCALE = Resource("autoscaling", "v1", "scales", "Scale")


def shown_scale(scale: Object, now: datetime) -> Object:
    """The Scale as a Table, for `kubectl get --subresource=scale`."""
    return tables.table(_SCALE, [tables.row_of(_SCALE, scale, scale, "Object", now)], {})


def read_scale(objects: Objects, resource: Resource, namespace: str, name: str) -> Object:
    """Raises ApiError 404 for an object, or a kind, that has none."""
    if resource.subresource("scale") is None:
        raise status.no_such_path()
    obj = objects.get(resource, namespace, name)
    return scale_of(resource, obj, selector_text(obj["spec"].get("selector")))


def update_scale(
    objects: Objects, resource: Resource, namespace: str, name: str, scale: Object, options: WriteOptions
) -> Object:
    """Sets `spec.replicas` and returns the new Scale. 409 when the Scale carries a stale resourceVersion."""
    if resource.subresource("scale") is None:
        raise status.no_such_path()
    replicas = wanted_replicas(resource, name, scale)
    version = str((scale.get("metadata") or {}).get("resourceVersion") or "")
    obj = objects.scale(resource, namespace, name, replicas, version, options)
    return scale_of(resource, obj, selector_text(obj["spec"].get("selector")))


def patch_scale(
    objects: Objects,
    resource: Resource,
    namespace: str,
    name: str,
    change: Object | Sequence[Object],
    type: PatchType,
    options: WriteOptions,
) -> Object:
    current = read_scale(objects, resource, namespace, name)
    del current["metadata"]["resourceVersion"]  # Only a version that the patch itself names is a condition.
    if type == "json":
        current["spec"].setdefault("replicas", 0)
        scale = patch.json_patch(current, change)
    else:
        scale = patch.merge(current, change)
    return update_scale(objects, resource, namespace, name, scale, options)

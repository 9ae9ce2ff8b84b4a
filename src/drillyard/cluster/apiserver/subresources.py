"""
What a write to a subresource may change: `status` only the status, `binding` only the node, `finalize` only finalizers.

And the other way round: a write to the object itself leaves alone what belongs to a subresource.
"""

from __future__ import annotations

from typing import Any

from drillyard.cluster.apiserver import status
from drillyard.cluster.client import ApiError, Object
from drillyard.cluster.resources import Resource


def merge_subresource(resource: Resource, old: Object, new: Object, subresource: str) -> Object:
    """The object to store: the old one, with that part of the new which `subresource` ("": the main path) may write."""
    match subresource:
        case "":
            if resource.subresource("status") is None:
                return new
            kept = {name: value for name, value in new.items() if name != "status"}
            return {**kept, "status": old["status"]} if "status" in old else kept
        case "status":
            return {**old, "metadata": dict(old["metadata"]), "status": new.get("status", {})}
        case "finalize":
            return {**old, "metadata": dict(old["metadata"]), "spec": new["spec"]}
        case _:
            raise status.no_such_path()


def bound(pod: Object, node: str, now: str) -> Object:
    """The pod as it is once a scheduler has bound it to a node. Raises ApiError 409 when it is bound already."""
    if pod["spec"].get("nodeName"):
        name = pod["metadata"]["name"]
        why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise ApiError(409, "Conflict", f'Operation cannot be fulfilled on pods/binding "{name}": {why}')
    condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    conditions = [item for item in pod.get("status", {}).get("conditions", ()) if item["type"] != "PodScheduled"]
    return {
        **pod,
        "spec": {**pod["spec"], "nodeName": node},
        "status": {**pod.get("status", {}), "conditions": [*conditions, condition]},
    }


def scale_of(resource: Resource, obj: Object, selector: str) -> Object:
    """The Scale (autoscaling/v1) of a Deployment or ReplicaSet. Replicas of 0 are left out of its spec, as Go does."""
    metadata = obj["metadata"]
    replicas = obj["spec"].get("replicas", 1)
    shown: Any = {"replicas": replicas} if replicas else {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        },
        "spec": shown,
        "status": {"replicas": obj.get("status", {}).get("replicas", 0), "selector": selector},
    }


def wanted_replicas(resource: Resource, name: str, scale: Object) -> int:
    """`spec.replicas` of a Scale, absent meaning 0. Raises ApiError 422 for a negative one, 400 for no number."""
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        text = "json: cannot unmarshal into field spec.replicas of type integer"
        raise status.bad_request(f'Scale in version "v1" cannot be handled as a Scale: {text}')
    if replicas < 0:
        problem = status.invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
        raise status.invalid("autoscaling", "Scale", name, [problem])
    return replicas

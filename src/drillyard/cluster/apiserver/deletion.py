"""
How an object goes: at once, after its grace, or when its last finalizer is taken off.
"""

from __future__ import annotations

from drillyard.cluster.apiserver import status
from drillyard.cluster.apiserver.options import DeleteRequest
from drillyard.cluster.apiserver.store import Stored
from drillyard.cluster.client import Object
from drillyard.cluster.resources import Resource


def grace_s(resource: Resource, pod: Object, request: DeleteRequest) -> int:
    """The seconds that a pod gets to end in; 0 for one that runs nowhere, and for everything else."""
    if resource.key != "pods":
        return 0
    started = pod["spec"].get("nodeName") and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
    if not started:
        return 0
    asked = request.grace_s
    if asked is None:
        asked = pod["spec"].get("terminationGracePeriodSeconds", 30)
    already = pod["metadata"].get("deletionGracePeriodSeconds")
    return max(0, asked if already is None else min(asked, already))


_FOR_EVER = ("default", "kube-public", "kube-system")


def must_be_deletable(resource: Resource, name: str) -> None:
    """Raises ApiError 403 for the namespaces without which there is no cluster (NamespaceLifecycle admission)."""
    if resource.key == "namespaces" and name in _FOR_EVER:
        raise status.forbidden(resource, name, "this namespace may not be deleted")


def check_preconditions(resource: Resource, old: Stored, request: DeleteRequest) -> None:
    """Raises ApiError 409 when the object is not the one that was meant."""
    uid = old.obj["metadata"]["uid"]
    if request.uid and request.uid != uid:
        why = f"Precondition failed: UID in precondition: {request.uid}, UID in object meta: {uid}"
        raise status.conflict(resource, old.name, why)
    if request.resource_version and request.resource_version != str(old.version):
        why = (
            f"Precondition failed: ResourceVersion in precondition: {request.resource_version}, "
            f"ResourceVersion in object meta: {old.version}"
        )
        raise status.conflict(resource, old.name, why)


def add_finalizer(metadata: Object, propagation: str | None) -> None:
    """The garbage collector does what these two ask, then takes them off."""
    wanted = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(propagation or "")
    if wanted and wanted not in metadata.setdefault("finalizers", []):
        metadata["finalizers"].append(wanted)


def mark(metadata: Object, when: str, grace_s: int) -> None:
    """Sets the time of deletion; a second deletion may only shorten it."""
    if metadata.get("deletionGracePeriodSeconds") == grace_s and "deletionTimestamp" in metadata:
        return
    metadata["deletionTimestamp"] = min(when, metadata.get("deletionTimestamp", when))
    metadata["deletionGracePeriodSeconds"] = grace_s
    if "generation" in metadata:
        metadata["generation"] += 1


def may_go(resource: Resource, obj: Object) -> bool:
    """True when an object that is being deleted has nothing left to wait for."""
    metadata = obj["metadata"]
    if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
        return False
    if resource.key == "namespaces":
        return not obj["spec"].get("finalizers")
    return resource.key != "pods" or metadata.get("deletionGracePeriodSeconds") == 0


def deleted(resource: Resource, old: Stored) -> Object:
    """The Status that says so."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {
            "name": old.name,
            **({"group": resource.group} if resource.group else {}),
            "kind": resource.plural,
            "uid": old.obj["metadata"]["uid"],
        },
    }

"""
Two versions of one object: events in core/v1 and events.k8s.io/v1, autoscalers in autoscaling/v2 and v1.

Each is stored once, in the version that `resources.named` prefers, and converted on the way in and out.
"""

from __future__ import annotations

from typing import Any

from drillyard.cluster.client import Object
from drillyard.cluster.resources import Resource

_EVENT_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_EVENT_NAMES_BACK = {new: old for old, new in _EVENT_NAMES.items()}


def is_preferred(resource: Resource) -> bool:
    """True when objects are stored in this very version, so that nothing needs to be converted."""
    return (resource.group, resource.version, resource.plural) not in (
        ("events.k8s.io", "v1", "events"),
        ("autoscaling", "v1", "horizontalpodautoscalers"),
    )


def from_storage(resource: Resource, obj: Object) -> Object:
    """A stored object in the asked version, with kind and apiVersion."""
    if not is_preferred(resource):
        obj = _to_new_event(obj) if resource.plural == "events" else _to_v1(obj)
    return {"kind": resource.kind, "apiVersion": resource.api_version, **obj}


def to_storage(resource: Resource, obj: Object) -> Object:
    """An object in the given version as it is stored, without kind and apiVersion."""
    rest = {name: value for name, value in obj.items() if name not in ("kind", "apiVersion")}
    if is_preferred(resource):
        return rest
    return _from_new_event(rest) if resource.plural == "events" else _from_v1(rest)


def _to_new_event(event: Object) -> Object:
    new = {_EVENT_NAMES.get(name, name): value for name, value in event.items()}
    if not new.get("eventTime"):  # Required here, and some clients insist; older recorders leave it out.
        new["eventTime"] = event.get("firstTimestamp") or event["metadata"].get("creationTimestamp")
    return new


def _from_new_event(event: Object) -> Object:
    return {_EVENT_NAMES_BACK.get(name, name): value for name, value in event.items()}


def _to_v1(autoscaler: Object) -> Object:
    spec: dict[str, Any] = dict(autoscaler["spec"])
    status: dict[str, Any] = dict(autoscaler.get("status", {}))
    for metric in spec.pop("metrics", ()):
        if (found := metric.get("resource") or {}).get("name") == "cpu":
            spec["targetCPUUtilizationPercentage"] = (found.get("target") or {}).get("averageUtilization")
    for metric in status.pop("currentMetrics", None) or ():
        if (found := metric.get("resource") or {}).get("name") == "cpu":
            status["currentCPUUtilizationPercentage"] = (found.get("current") or {}).get("averageUtilization")
    status.pop("conditions", None)
    spec.pop("behavior", None)
    status.setdefault("currentReplicas", 0)
    return {**autoscaler, "spec": {k: v for k, v in spec.items() if v is not None}, "status": status}


def _from_v1(autoscaler: Object) -> Object:
    spec: dict[str, Any] = dict(autoscaler.get("spec", {}))
    percentage = spec.pop("targetCPUUtilizationPercentage", None)
    if percentage is not None:
        target = {"type": "Utilization", "averageUtilization": percentage}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    converted: Object = {**autoscaler, "spec": spec}
    converted.pop("status", None)
    return converted

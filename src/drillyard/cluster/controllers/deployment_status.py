"""
What a Deployment says of itself: counts, and the conditions Available and Progressing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from drillyard.cluster.client import Object
from drillyard.cluster.controllers.rollout import bounds, is_complete
from drillyard.cluster.timestamps import parse_time, time_of


def status_of(
    deployment: Object, new: Object | None, owned: Sequence[Object], now: datetime
) -> tuple[Object, float | None]:
    """The status, and seconds until the progress deadline when one is running."""
    before: Object = deployment.get("status", {})

    def total(name: str, sets: Sequence[Object] = owned) -> int:
        return sum(item.get("status", {}).get(name, 0) for item in sets)

    wanted = deployment["spec"].get("replicas", 1)
    available = total("availableReplicas")
    counts = {
        "replicas": total("replicas"),
        "updatedReplicas": total("replicas", [new] if new else []),
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, total("replicas") - available) if wanted == 0 else max(0, wanted - available),
        "collisionCount": before.get("collisionCount", 0),
    }
    status: Object = {name: count for name, count in counts.items() if count}
    status["observedGeneration"] = deployment["metadata"].get("generation", 1)
    status["terminatingReplicas"] = total("terminatingReplicas")
    conditions = {item["type"]: item for item in before.get("conditions", ())}
    _set(conditions, _available(deployment, available), now)
    again_s = None
    if deployment["spec"].get("paused"):
        _set(conditions, ("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused"), now)
    elif new is not None:
        again_s = _progress(conditions, deployment, new, status, before, now)
    status["conditions"] = list(conditions.values())
    return status, again_s


def _available(deployment: Object, available: int) -> tuple[str, str, str, str]:
    _, unavailable = bounds(deployment)
    if available >= deployment["spec"].get("replicas", 1) - unavailable:
        return "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability."
    message = "Deployment does not have minimum availability."
    return "Available", "False", "MinimumReplicasUnavailable", message


def _progress(
    conditions: dict[str, Any], deployment: Object, new: Object, status: Object, before: Object, now: datetime
) -> float | None:
    name = new["metadata"]["name"]
    known = conditions.get("Progressing")
    if is_complete(deployment, status):
        message = f'ReplicaSet "{name}" has successfully progressed.'
        _set(conditions, ("Progressing", "True", "NewReplicaSetAvailable", message), now)
        return None
    if known is None or name not in known["message"]:
        message = f'Created new replica set "{name}"'
        _set(conditions, ("Progressing", "True", "NewReplicaSetCreated", message), now, touch=True)
    elif _moved(before, status):
        message = f'ReplicaSet "{name}" is progressing.'
        # A complete Deployment whose pods come and go is not a new rollout.
        if known["reason"] != "NewReplicaSetAvailable":
            _set(conditions, ("Progressing", "True", "ReplicaSetUpdated", message), now, touch=True)
    known = conditions["Progressing"]
    if known["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return None
    deadline_s = deployment["spec"].get("progressDeadlineSeconds", 600)
    left_s = deadline_s - (now - parse_time(known["lastUpdateTime"])).total_seconds()
    if left_s <= 0:
        message = f'ReplicaSet "{name}" has timed out progressing.'
        _set(conditions, ("Progressing", "False", "ProgressDeadlineExceeded", message), now)
        return None
    return float(left_s) + 1.0


def _moved(before: Object, status: Object) -> bool:
    return any(
        status.get(name, 0) != before.get(name, 0)
        for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    )


def _set(conditions: dict[str, Any], wanted: tuple[str, str, str, str], now: datetime, *, touch: bool = False) -> None:
    """Sets a condition; its times move only when it says something new."""
    kind, value, reason, message = wanted
    known = conditions.get(kind)
    if not touch and known and (known["status"], known["reason"], known["message"]) == (value, reason, message):
        return
    conditions[kind] = {
        "type": kind,
        "status": value,
        "lastUpdateTime": time_of(now),
        "lastTransitionTime": known["lastTransitionTime"] if known and known["status"] == value else time_of(now),
        "reason": reason,
        "message": message,
    }

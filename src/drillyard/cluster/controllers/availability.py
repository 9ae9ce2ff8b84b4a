"""
Which pods count: active, ready, available; and which of them to give up first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drillyard.cluster.client import Object
from drillyard.cluster.timestamps import parse_time


def is_active(pod: Object) -> bool:
    """Neither finished nor being deleted."""
    return pod.get("status", {}).get("phase") not in ("Succeeded", "Failed") and not is_going(pod)


def is_going(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def ready_condition(pod: Object) -> Object | None:
    conditions: list[Object] = pod.get("status", {}).get("conditions") or []
    return next((item for item in conditions if item["type"] == "Ready"), None)


def is_ready(pod: Object) -> bool:
    condition = ready_condition(pod)
    return condition is not None and condition["status"] == "True"


def available_in_s(pod: Object, min_ready_s: int, now: datetime) -> float | None:
    """Seconds until the pod counts as available: 0 when it does, None when it is not ready."""
    condition = ready_condition(pod)
    if condition is None or condition["status"] != "True":
        return None
    if min_ready_s == 0 or not condition.get("lastTransitionTime"):
        return 0.0
    ready_s = (now - parse_time(condition["lastTransitionTime"])).total_seconds()
    return max(0.0, min_ready_s - ready_s)


def first_to_go(pods: list[Object]) -> list[Object]:
    """Pods in the order in which a ReplicaSet gives them up: unassigned, pending, not ready, restarted, youngest."""

    def rank(pod: Object) -> tuple[Any, ...]:
        status = pod.get("status", {})
        phases = {"Pending": 0, "Unknown": 1, "Running": 2}
        restarts = max((item.get("restartCount", 0) for item in status.get("containerStatuses", ())), default=0)
        created = parse_time(pod["metadata"]["creationTimestamp"]).timestamp()
        assigned = bool(pod["spec"].get("nodeName"))
        return assigned, phases.get(status.get("phase", "Unknown"), 1), is_ready(pod), -restarts, -created

    return sorted(pods, key=rank)

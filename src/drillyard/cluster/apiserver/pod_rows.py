"""
A pod's line in `kubectl get pods`: the one word for its state, and how often it restarted.

The rules are those of a real server's printer (pkg/printers/internalversion, printPod): a container's waiting or
terminated reason wins over the phase, init containers are shown as `Init:…`, and a pod being deleted is Terminating.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drillyard.cluster.client import Object
from drillyard.cluster.timestamps import human_duration, parse_time

NONE = "<none>"


def pod_cells(pod: Object, now: datetime) -> list[Any]:
    """Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates."""
    spec, status = pod["spec"], pod.get("status", {})
    statuses = status.get("containerStatuses", ())
    ready = sum(1 for item in statuses if item.get("ready") and "running" in item.get("state", {}))
    reason = status.get("reason") or status.get("phase", "Unknown")
    initializing, init_reason = _init_reason(spec, status)
    counted = status.get("initContainerStatuses", ()) if initializing else statuses
    reason = init_reason if initializing else _container_reason(statuses, pod, reason)
    if "deletionTimestamp" in pod["metadata"]:
        reason = "Unknown" if status.get("reason") == "NodeLost" else _while_terminating(status, reason)
    gates = spec.get("readinessGates", ())
    return [
        pod["metadata"]["name"],
        f"{ready}/{len(spec.get('containers', ()))}",
        reason,
        _restarts(counted, now),
        human_duration((now - parse_time(pod["metadata"]["creationTimestamp"])).total_seconds()),
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        f"0/{len(gates)}" if gates else NONE,
    ]


def _while_terminating(status: Object, reason: str) -> str:
    return reason if status.get("phase") in ("Succeeded", "Failed") else "Terminating"


def _init_reason(spec: Object, status: Object) -> tuple[bool, str]:
    total = len(spec.get("initContainers", ()))
    for index, item in enumerate(status.get("initContainerStatuses", ())):
        state = item.get("state", {})
        ended, waiting = state.get("terminated"), state.get("waiting")
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if ended is not None:
            if ended.get("reason"):
                return True, f"Init:{ended['reason']}"
            return True, f"Init:Signal:{ended['signal']}" if ended.get(
                "signal"
            ) else f"Init:ExitCode:{ended['exitCode']}"
        if waiting is not None and waiting.get("reason") not in (None, "PodInitializing"):
            return True, f"Init:{waiting['reason']}"
        return True, f"Init:{index}/{total}"
    return False, ""


def _container_reason(statuses: Any, pod: Object, reason: str) -> str:
    running = False
    for item in reversed(statuses):
        state = item.get("state", {})
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif ended is not None and ended.get("reason"):
            reason = ended["reason"]
        elif ended is not None:
            reason = f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"
        elif item.get("ready") and "running" in state:
            running = True
    if reason == "Completed" and running:
        return "Running" if _is_ready(pod) else "NotReady"
    return reason


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _restarts(statuses: Any, now: datetime) -> str:
    count = sum(item.get("restartCount", 0) for item in statuses)
    ends = [
        ended["finishedAt"]
        for item in statuses
        if (ended := item.get("lastState", {}).get("terminated")) and ended.get("finishedAt")
    ]
    if count == 0 or not ends:
        return str(count)
    return f"{count} ({human_duration((now - parse_time(max(ends))).total_seconds())} ago)"

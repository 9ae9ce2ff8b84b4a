"""
A pod's status worked out from its containers: phase, conditions, quality of service. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from drillyard.cluster.client import Object
from drillyard.cluster.kubelet.container_state import ContainerRecord, Running, Terminated, Waiting
from drillyard.cluster.timestamps import time_of


def is_sidecar(container: Object) -> bool:
    """An init container that runs beside the others (`restartPolicy: Always`)."""
    return bool(container.get("restartPolicy") == "Always")


def phase_of(spec: Object, init: Sequence[ContainerRecord], main: Sequence[ContainerRecord]) -> str:
    """Pending, Running, Succeeded or Failed, by the kubelet's rules (getPhase)."""
    policy = spec.get("restartPolicy", "Always")
    for record, container in zip(init, spec.get("initContainers") or (), strict=True):
        if is_sidecar(container):
            continue
        if isinstance(record.state, Terminated) and record.state.exit_code != 0 and policy == "Never":
            return "Failed"
        if not record.succeeded:
            return "Pending"
    running = any(isinstance(record.state, Running) for record in main)
    ended = [record for record in main if isinstance(record.state, Terminated)]
    fresh = any(isinstance(record.state, Waiting) and record.last is None for record in main)
    crashed = any(isinstance(record.state, Waiting) and record.last is not None for record in main)
    if fresh:
        return "Pending"
    if running or crashed or not ended:
        return "Running"
    if policy == "Always":
        return "Running"
    if all(record.succeeded for record in main):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def quality_of_service(spec: Object) -> str:
    """BestEffort without requests and limits, Guaranteed when cpu and memory are limited to their requests."""
    containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
    amounts = [container.get("resources") or {} for container in containers]
    if not any(item.get("requests") or item.get("limits") for item in amounts):
        return "BestEffort"
    for item in amounts:
        limits = item.get("limits") or {}
        requests = {**limits, **(item.get("requests") or {})}
        if not {"cpu", "memory"} <= limits.keys() or any(requests[key] != limits[key] for key in ("cpu", "memory")):
            return "Burstable"
    return "Guaranteed"


def _conditions(
    spec: Object, phase: str, ip: str, init: Sequence[ContainerRecord], main: Sequence[ContainerRecord]
) -> dict[str, Any]:
    """Condition type → (holds, reason, message)."""
    sidecars = [is_sidecar(container) for container in spec.get("initContainers") or ()]
    missing = [
        record.name
        for record, sidecar in zip(init, sidecars, strict=True)
        if not (record.started if sidecar else record.succeeded)
    ]
    unready = [record.name for record in main if not record.ready]
    finished = phase in ("Succeeded", "Failed")
    found: dict[str, Any] = {"PodReadyToStartContainers": (bool(ip) and not finished, "", "")}
    if missing:
        text = f"containers with incomplete status: [{' '.join(missing)}]"
        found["Initialized"] = (False, "ContainersNotInitialized", text)
    else:
        found["Initialized"] = (True, "PodCompleted" if phase == "Succeeded" else "", "")
    if finished:
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
        ready = (False, reason, "")
    elif unready:
        ready = (False, "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    else:
        ready = (True, "", "")
    found["Ready"] = found["ContainersReady"] = ready
    return found


def compose(
    pod: Object,
    init: Sequence[ContainerRecord],
    main: Sequence[ContainerRecord],
    *,
    ip: str,
    node_ip: str,
    started_at: datetime,
    now: datetime,
    terminating: bool = False,
) -> Object:
    """The whole status. A condition that did not change keeps the time of its last transition."""
    spec, before = pod["spec"], pod.get("status") or {}
    phase = phase_of(spec, init, main)
    known = {item["type"]: item for item in before.get("conditions") or ()}
    conditions = []
    for type, (holds, reason, message) in _conditions(spec, phase, ip, init, main).items():
        if terminating and type in ("Ready", "ContainersReady") and not any(record.ready for record in main):
            holds = False
        value = "True" if holds else "False"
        old = known.pop(type, {})
        moment = old.get("lastTransitionTime") if old.get("status") == value else time_of(now)
        item = {"type": type, "status": value, "lastTransitionTime": moment or time_of(now)}
        item.update({key: text for key, text in (("reason", reason), ("message", message)) if text})
        conditions.append(item)
    status: Object = {
        "phase": phase,
        "conditions": [*conditions, *known.values()],  # The scheduler's, and readiness gates.
        "hostIP": node_ip,
        "hostIPs": [{"ip": node_ip}],
        "startTime": time_of(started_at),
        "containerStatuses": [record.shown() for record in main],
        "qosClass": quality_of_service(spec),
    }
    if ip:
        status.update({"podIP": ip, "podIPs": [{"ip": ip}]})
    if init:
        status["initContainerStatuses"] = [record.shown() for record in init]
    return status

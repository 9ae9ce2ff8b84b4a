"""
What a node reads from a pod's object before it runs: ports, earlier containers, earlier start.
"""

from __future__ import annotations

from datetime import datetime

from drillyard.cluster.client import Object
from drillyard.cluster.kubelet.container_state import ContainerRecord
from drillyard.cluster.timestamps import parse_time


def ports_of(pod: Object) -> list[int]:
    """Every TCP port that the pod's containers declare or that its probes ask."""
    found: set[int] = set()
    spec = pod["spec"]
    for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
        for port in container.get("ports") or ():
            if port.get("protocol", "TCP") == "TCP":
                found.add(int(port["containerPort"]))
        for key in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = container.get(key) or {}
            for action in ("httpGet", "tcpSocket"):
                asked = (probe.get(action) or {}).get("port")
                if isinstance(asked, int):
                    found.add(asked)
    return sorted(found)


def record_of(container: Object, pod: Object, *, init: bool = False) -> ContainerRecord:
    """A new record; a container that ran before this node was started again counts as restarted."""
    status = pod.get("status") or {}
    known = {item["name"]: item for item in status.get("initContainerStatuses" if init else "containerStatuses") or ()}
    before = known.get(container["name"]) or {}
    return ContainerRecord(
        container["name"],
        container["image"],
        restarts=int(before.get("restartCount") or 0) + (1 if before.get("containerID") else 0),
        is_init=init,
        resources=container.get("resources") or {},
    )


def start_time_of(pod: Object) -> datetime | None:
    text = (pod.get("status") or {}).get("startTime")
    return parse_time(text) if text else None

"""
The scheduler: gives each new pod a node that is ready, wanted by the pod and large enough; or says why there is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, EventType, Object
from drillyard.cluster.controllers.availability import is_active, is_ready
from drillyard.cluster.controllers.controller import Concerns
from drillyard.cluster.informer import Key, key_of
from drillyard.cluster.labels import matches_labels
from drillyard.cluster.quantity import parse_quantity
from drillyard.cluster.recorder import EventRecorder
from drillyard.cluster.timestamps import time_of

_RETRY_S = 10.0
_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


def misfit(pod: Object, node: Object, placed: Iterable[Object]) -> str | None:
    """Why the pod cannot run on the node, in the scheduler's words; None when it can."""
    if node["spec"].get("unschedulable") and not _tolerates(pod, {"key": _UNSCHEDULABLE, "effect": "NoSchedule"}):
        return "node(s) were unschedulable"
    if not is_ready(node):
        return "node(s) had untolerated taint(s)"
    for taint in node["spec"].get("taints") or ():
        if taint["effect"] != "PreferNoSchedule" and not _tolerates(pod, taint):
            return "node(s) had untolerated taint(s)"
    if not _wants(pod, node):
        return "node(s) didn't match Pod's node affinity/selector"
    allocatable = node.get("status", {}).get("allocatable", {})
    on_node = list(placed)
    if len(on_node) + 1 > int(allocatable.get("pods", 110)):
        return "Too many pods"
    for name in ("cpu", "memory"):
        if name in allocatable and (wanted := requested(pod, name)):
            used = sum(requested(other, name) for other in on_node)
            if used + wanted > parse_quantity(allocatable[name]):
                return f"Insufficient {name}"
    return None


def requested(pod: Object, name: str) -> float:
    """The cpu (cores) or memory (bytes) that a pod asks for: its containers together, or its largest init container."""

    def of(container: Object) -> float:
        return float(parse_quantity(container.get("resources", {}).get("requests", {}).get(name, "0")))

    together = sum(map(of, pod["spec"].get("containers", ())))
    return max([together, *map(of, pod["spec"].get("initContainers", ()))])


def _tolerates(pod: Object, taint: Object) -> bool:
    for item in pod["spec"].get("tolerations") or ():
        if item.get("key") not in (None, "", taint["key"]) or item.get("effect") not in (None, "", taint["effect"]):
            continue
        if item.get("operator", "Equal") == "Exists" or item.get("value", "") == taint.get("value", ""):
            return True
    return False


def _wants(pod: Object, node: Object) -> bool:
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    if not selector.items() <= labels.items():
        return False
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms")
    if terms is None:
        return True
    fields = {"metadata.name": node["metadata"]["name"]}
    return any(
        matches_labels({"matchExpressions": term.get("matchExpressions", ())}, labels)
        and matches_labels({"matchExpressions": term.get("matchFields", ())}, fields)
        for term in terms
    )


class Scheduler:
    """
    Binds pods to nodes.

    What each node has is remembered from the watch, and what was just bound is counted at once: to list all pods for
    every new one would cost the square of their number.
    """

    name = "default-scheduler"

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._events = EventRecorder(api, self.name, clock)
        self._waiting: set[Key] = set()
        self._placed: dict[Key, Object] = {}

    @property
    def watches(self) -> Mapping[str, Concerns]:
        return {"pods": self._pod_changed, "nodes": self._node_changed}

    def _pod_changed(self, change: EventType, pod: Object) -> Iterable[Key]:
        if change == "DELETED" or not is_active(pod):
            self._placed.pop(key_of(pod), None)
        elif pod["spec"].get("nodeName"):
            self._placed[key_of(pod)] = pod
        if change == "DELETED":
            return tuple(self._waiting)  # It has left room.
        return (key_of(pod),) if self._is_ours(pod) else ()

    def _node_changed(self, change: EventType, node: Object) -> Iterable[Key]:
        return tuple(self._waiting)

    def _is_ours(self, pod: Object) -> bool:
        spec = pod["spec"]
        return not spec.get("nodeName") and spec.get("schedulerName") == self.name and is_active(pod)

    async def reconcile(self, key: Key) -> float | None:
        self._waiting.discard(key)
        try:
            pod = await self._api.get("pods", *key)
        except ApiError as refused:
            if refused.status == 404:
                return None
            raise
        if not self._is_ours(pod):
            return None
        nodes = (await self._api.list("nodes")).items
        reasons: Counter[str] = Counter()
        for node in nodes:
            name = node["metadata"]["name"]
            reason = misfit(pod, node, [other for other in self._placed.values() if other["spec"]["nodeName"] == name])
            if reason is None:
                await self._bind(pod, name)
                return None
            reasons[reason] += 1
        self._waiting.add(key)
        await self._say_unschedulable(pod, len(nodes), reasons)
        return _RETRY_S

    async def _bind(self, pod: Object, node: str) -> None:
        namespace, name = key_of(pod)
        binding: Object = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": namespace},
            "target": {"kind": "Node", "name": node},
        }
        self._placed[key_of(pod)] = {**pod, "spec": {**pod["spec"], "nodeName": node}}
        try:
            await self._api.update("pods", namespace, binding, subresource="binding")
        except (ApiError, OSError):
            self._placed.pop(key_of(pod), None)
            raise
        message = f"Successfully assigned {namespace}/{name} to {node}"
        await self._events.record(pod, "Normal", "Scheduled", message)

    async def _say_unschedulable(self, pod: Object, nodes: int, reasons: Counter[str]) -> None:
        why = "no nodes available to schedule pods"
        if nodes:
            parts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
            why = f"0/{nodes} nodes are available: {parts}."
        before = pod.get("status", {}).get("conditions", [])
        known = next((item for item in before if item["type"] == "PodScheduled"), None)
        if known is not None and known.get("message") == why:
            return
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": why,
            "lastTransitionTime": time_of(self._clock.now()),
        }
        others = [item for item in before if item["type"] != "PodScheduled"]
        changed = {**pod, "status": {**pod.get("status", {}), "conditions": [*others, condition]}}
        await self._api.update("pods", pod["metadata"]["namespace"], changed, subresource="status")
        await self._events.record(pod, "Warning", "FailedScheduling", why)

"""
Nodes that fall silent: after 40 seconds without a heartbeat a node is Unknown, its pods get no traffic, and those
that do not tolerate that are deleted when their time is over.

A heartbeat is the node's Lease in `kube-node-lease`. A node without a Lease is left alone: nobody promised one. When
the whole machine slept, nobody was silent: then every node gets its 40 seconds again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, EventType, Object
from drillyard.cluster.controllers.availability import is_active, is_ready, ready_condition
from drillyard.cluster.controllers.controller import Concerns, itself
from drillyard.cluster.informer import Key
from drillyard.cluster.recorder import EventRecorder
from drillyard.cluster.timestamps import parse_time, time_of

GRACE_S = 40.0
LEASES = "kube-node-lease"
_CHECK_S = 5.0
_UNREACHABLE = "node.kubernetes.io/unreachable"
_NOT_READY = "node.kubernetes.io/not-ready"
_SILENT = ("NodeStatusUnknown", "Kubelet stopped posting node status.")


def taint_for(node: Object) -> str:
    """The taint that the node's Ready condition asks for, "" for none."""
    condition = ready_condition(node)
    if condition is None or condition["status"] == "True":
        return ""
    return _UNREACHABLE if condition["status"] == "Unknown" else _NOT_READY


def eviction_in_s(pod: Object, taint: str, tainted_s: float) -> float | None:
    """Seconds until a pod must leave a node that has had the taint for so long; None when it may stay for ever."""
    for item in pod["spec"].get("tolerations") or ():
        if item.get("key") in (None, taint) and item.get("effect") in (None, "", "NoExecute"):
            tolerated_s = item.get("tolerationSeconds")
            return None if tolerated_s is None else max(0.0, tolerated_s - tainted_s)
    return 0.0


class NodeLifecycle:
    """Keeps the Ready condition, the taints and the pods of silent nodes."""

    name = "node-controller"

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._events = EventRecorder(api, self.name, clock)
        self._said: dict[str, str] = {}
        self._last_look = clock.now()
        self._excused_until = clock.now()

    @property
    def watches(self) -> Mapping[str, Concerns]:
        return {"nodes": self._node_changed}

    def _node_changed(self, change: EventType, node: Object) -> Iterable[Key]:
        """Heartbeats change a node every few seconds; only what matters here is looked at."""
        name, found = node["metadata"]["name"], f"{taint_for(node)} {node['spec'].get('taints')}"
        if change == "DELETED" or self._said.get(name) != found:
            self._said[name] = found
            return itself(change, node)
        return ()

    async def reconcile(self, key: Key) -> float | None:
        _, name = key
        try:
            node = await self._api.get("nodes", None, name)
        except ApiError as refused:
            if refused.status == 404:
                await self._evict(name, gone=True)
                return None
            raise
        slept, silent_s = self._overslept(), await self._silent_s(name)
        if silent_s is not None and silent_s > GRACE_S and not slept:
            node = await self._mark_unknown(node)
        await self._taint(node, taint_for(node))
        await self._evict_due(node)
        return _CHECK_S

    def _overslept(self) -> bool:
        """True while a pause of this very control plane explains the silence."""
        now = self._clock.now()
        if now - self._last_look > 4 * timedelta(seconds=_CHECK_S):
            self._excused_until = now + timedelta(seconds=GRACE_S)
        self._last_look = now
        return now < self._excused_until

    async def _silent_s(self, name: str) -> float | None:
        try:
            lease = await self._api.get("leases", LEASES, name)
        except ApiError as refused:
            if refused.status == 404:
                return None
            raise
        renewed = lease.get("spec", {}).get("renewTime")
        return (self._clock.now() - parse_time(renewed)).total_seconds() if renewed else None

    async def _mark_unknown(self, node: Object) -> Object:
        condition = ready_condition(node)
        if condition is None or condition["status"] == "Unknown":
            return node
        now, (reason, message) = time_of(self._clock.now()), _SILENT
        conditions = [
            {**item, "status": "Unknown", "reason": reason, "message": message, "lastTransitionTime": now}
            for item in node["status"]["conditions"]
        ]
        changed = {**node, "status": {**node["status"], "conditions": conditions}}
        node = await self._api.update("nodes", None, changed, subresource="status")
        name = node["metadata"]["name"]
        await self._events.record(node, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        for pod in await self._pods(name):
            if is_ready(pod):
                await self._set_ready(pod, "False")
                await self._events.record(pod, "Warning", "NodeNotReady", "Node is not ready")
        return node

    async def _restore(self, node: str) -> None:
        """Undoes it for pods whose containers are ready: that the two disagree is our doing alone."""
        for pod in await self._pods(node):
            conditions = {item["type"]: item["status"] for item in pod.get("status", {}).get("conditions", ())}
            if conditions.get("ContainersReady") == "True" and conditions.get("Ready") == "False":
                await self._set_ready(pod, "True")

    async def _set_ready(self, pod: Object, value: str) -> None:
        """Takes the pod out of its Services, or puts it back."""
        now = time_of(self._clock.now())
        conditions = [
            {**item, "status": value, "lastTransitionTime": now} if item["type"] == "Ready" else item
            for item in pod["status"]["conditions"]
        ]
        changed = {**pod, "status": {**pod["status"], "conditions": conditions}}
        await self._api.update("pods", pod["metadata"]["namespace"], changed, subresource="status")

    async def _taint(self, node: Object, wanted: str) -> None:
        before = node["spec"].get("taints") or []
        kept = [item for item in before if item["key"] not in (_UNREACHABLE, _NOT_READY) or item["key"] == wanted]
        if wanted and not any(item["key"] == wanted for item in kept):
            now = time_of(self._clock.now())
            kept += [{"key": wanted, "effect": effect, "timeAdded": now} for effect in ("NoSchedule", "NoExecute")]
        if kept != before:
            if not wanted:
                await self._restore(node["metadata"]["name"])
            await self._api.patch("nodes", None, node["metadata"]["name"], {"spec": {"taints": kept or None}})

    async def _evict_due(self, node: Object) -> None:
        for taint in node["spec"].get("taints") or ():
            if taint["effect"] == "NoExecute" and taint.get("timeAdded"):
                tainted_s = (self._clock.now() - parse_time(taint["timeAdded"])).total_seconds()
                await self._evict(node["metadata"]["name"], taint["key"], tainted_s)

    async def _evict(self, node: str, taint: str = "", tainted_s: float = 0.0, *, gone: bool = False) -> None:
        """Deletes the pods whose time is over; of a node that is gone, all of them, and at once."""
        for pod in await self._pods(node):
            metadata = pod["metadata"]
            if gone or eviction_in_s(pod, taint, tainted_s) == 0:
                grace_s = 0 if gone else None
                await self._api.delete(
                    "pods", metadata["namespace"], metadata["name"], grace_s=grace_s, uid=metadata["uid"]
                )

    async def _pods(self, node: str) -> list[Object]:
        listed = await self._api.list("pods", fields=f"spec.nodeName={node}")
        return [pod for pod in listed.items if is_active(pod)]

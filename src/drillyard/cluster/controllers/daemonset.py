"""
DaemonSets: one pod on every node that the template lets through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, EventType, Object
from drillyard.cluster.controllers.availability import available_in_s, is_active, is_going, is_ready
from drillyard.cluster.controllers.controller import Concerns, controlling, is_controlled_by, itself
from drillyard.cluster.controllers.replicaset import pod_from_template
from drillyard.cluster.controllers.rollout import share, template_hash
from drillyard.cluster.informer import Key, key_of
from drillyard.cluster.labels import matches_labels
from drillyard.cluster.recorder import EventRecorder

_HASH_LABEL = "controller-revision-hash"
_TOLERATED = ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")


@dataclass(frozen=True)
class Plan:
    """Nodes that get a pod, and pods that go."""

    create_on: tuple[str, ...]
    delete: tuple[Object, ...]


def wanted_nodes(daemon_set: Object, nodes: Sequence[Object]) -> list[str]:
    """The nodes that the template's nodeSelector lets through."""
    chosen = daemon_set["spec"]["template"]["spec"].get("nodeSelector") or {}
    return [
        node["metadata"]["name"]
        for node in nodes
        if matches_labels({"matchLabels": chosen}, node["metadata"].get("labels") or {})
    ]


def node_of(pod: Object) -> str:
    """The node of a pod, or the one that its affinity binds it to before it is scheduled."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms") or ()
    return next((str(field["values"][0]) for term in terms for field in term.get("matchFields") or ()), "")


def plan(daemon_set: Object, nodes: Sequence[str], pods: Sequence[Object], digest: str) -> Plan:
    """Missing pods are created, superfluous and finished ones deleted, outdated ones replaced a few at a time."""
    create: list[str] = []
    delete = [pod for pod in pods if node_of(pod) not in nodes and not is_going(pod)]
    delete += [pod for pod in pods if not is_active(pod) and not is_going(pod) and node_of(pod) in nodes]
    outdated: list[Object] = []
    unavailable = 0
    for node in nodes:
        here = [pod for pod in pods if node_of(pod) == node and is_active(pod)]
        if not here:
            unavailable += 1
            if not any(node_of(pod) == node and is_going(pod) for pod in pods):
                create.append(node)
            continue
        delete += here[1:]
        unavailable += not is_ready(here[0])
        if (here[0]["metadata"].get("labels") or {}).get(_HASH_LABEL) != digest:
            outdated.append(here[0])
    strategy = daemon_set["spec"].get("updateStrategy", {})
    if strategy.get("type") == "RollingUpdate":
        most = share((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), len(nodes), up=True)
        broken = [pod for pod in outdated if not is_ready(pod)]
        working = [pod for pod in outdated if is_ready(pod)]
        delete += broken + working[: max(0, most - unavailable)]
    return Plan(tuple(create), tuple(delete))


class DaemonSetController:
    """Keeps the pods of DaemonSets."""

    name = "daemonset-controller"

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._events = EventRecorder(api, self.name, clock)
        self._known: set[Key] = set()

    @property
    def watches(self) -> Mapping[str, Concerns]:
        return {"daemonsets": self._daemon_set_changed, "pods": controlling("DaemonSet"), "nodes": self._node_changed}

    def _daemon_set_changed(self, change: EventType, obj: Object) -> Iterable[Key]:
        (self._known.discard if change == "DELETED" else self._known.add)(key_of(obj))
        return itself(change, obj)

    def _node_changed(self, change: EventType, node: Object) -> Iterable[Key]:
        return tuple(self._known)

    async def reconcile(self, key: Key) -> float | None:
        try:
            daemon_set = await self._api.get("daemonsets", *key)
        except ApiError as refused:
            if refused.status == 404:
                return None
            raise
        nodes = wanted_nodes(daemon_set, (await self._api.list("nodes")).items)
        digest = template_hash(daemon_set["spec"]["template"])
        pods = await self._pods(daemon_set)
        if not is_going(daemon_set):
            todo = plan(daemon_set, nodes, pods, digest)
            for node in todo.create_on:
                await self._create(daemon_set, node, digest)
            for pod in todo.delete:
                await self._delete(daemon_set, pod)
            if todo.create_on or todo.delete:
                pods = await self._pods(daemon_set)
        return await self._write_status(daemon_set, nodes, pods, digest)

    async def _pods(self, daemon_set: Object) -> list[Object]:
        listed = await self._api.list("pods", daemon_set["metadata"]["namespace"])
        return [pod for pod in listed.items if is_controlled_by(pod, daemon_set)]

    async def _create(self, daemon_set: Object, node: str, digest: str) -> None:
        pod = pod_from_template(daemon_set, daemon_set["spec"]["template"])
        generation = str(daemon_set["metadata"].get("generation", 1))
        labels = {**pod["metadata"].get("labels", {}), _HASH_LABEL: digest, "pod-template-generation": generation}
        field = {"key": "metadata.name", "operator": "In", "values": [node]}
        required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
        tolerations = [
            {
                "key": f"node.kubernetes.io/{name}",
                "operator": "Exists",
                "effect": "NoExecute" if name in _TOLERATED[:2] else "NoSchedule",
            }
            for name in _TOLERATED
        ]
        pod["metadata"]["labels"] = labels
        pod["spec"] = {
            **pod["spec"],
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}},
            "tolerations": [*pod["spec"].get("tolerations", ()), *tolerations],
        }
        created = await self._api.create("pods", daemon_set["metadata"]["namespace"], pod)
        message = f"Created pod: {created['metadata']['name']}"
        await self._events.record(daemon_set, "Normal", "SuccessfulCreate", message)

    async def _delete(self, daemon_set: Object, pod: Object) -> None:
        metadata = pod["metadata"]
        await self._api.delete("pods", metadata["namespace"], metadata["name"], uid=metadata["uid"])
        await self._events.record(daemon_set, "Normal", "SuccessfulDelete", f"Deleted pod: {metadata['name']}")

    async def _write_status(
        self, daemon_set: Object, nodes: Sequence[str], pods: Sequence[Object], digest: str
    ) -> float | None:
        placed = [pod for pod in pods if is_active(pod) and node_of(pod) in nodes]
        least_s = daemon_set["spec"].get("minReadySeconds", 0)
        waits = [available_in_s(pod, least_s, self._clock.now()) for pod in placed]
        available = sum(wait == 0 for wait in waits)
        updated = sum((pod["metadata"].get("labels") or {}).get(_HASH_LABEL) == digest for pod in placed)
        status: Object = {
            "currentNumberScheduled": len({node_of(pod) for pod in placed}),
            "numberMisscheduled": sum(is_active(pod) and node_of(pod) not in nodes for pod in pods),
            "desiredNumberScheduled": len(nodes),
            "numberReady": sum(map(is_ready, placed)),
            "observedGeneration": daemon_set["metadata"].get("generation", 1),
        }
        optional = {
            "updatedNumberScheduled": updated,
            "numberAvailable": available,
            "numberUnavailable": len(nodes) - available,
        }
        status |= {name: count for name, count in optional.items() if count}
        if status != daemon_set.get("status"):
            changed = {**daemon_set, "status": status}
            await self._api.update("daemonsets", daemon_set["metadata"]["namespace"], changed, subresource="status")
        return min((wait for wait in waits if wait), default=None)

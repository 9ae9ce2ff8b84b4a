"""
ReplicaSets: as many pods as wanted, no more, no fewer; a pod that is deleted comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, Object
from drillyard.cluster.controllers.availability import available_in_s, first_to_go, is_active, is_going, is_ready
from drillyard.cluster.controllers.controller import (
    Concerns,
    controller_of,
    controlling,
    is_controlled_by,
    itself,
    owner_reference,
)
from drillyard.cluster.informer import Key
from drillyard.cluster.labels import matches_labels
from drillyard.cluster.recorder import EventRecorder

_BURST_MAX = 500


@dataclass(frozen=True)
class Plan:
    """What to do about the pods of one ReplicaSet."""

    create: int
    delete: tuple[Object, ...]


def plan(wanted: int, active: list[Object]) -> Plan:
    """How many pods to create, and which to delete."""
    missing = wanted - len(active)
    if missing >= 0:
        return Plan(min(missing, _BURST_MAX), ())
    return Plan(0, tuple(first_to_go(active)[: min(-missing, _BURST_MAX)]))


def pod_from_template(owner: Object, template: Object) -> Object:
    """A pod of the template, named after its owner and controlled by it."""
    metadata = template.get("metadata", {})
    kept = {name: metadata[name] for name in ("labels", "annotations", "finalizers") if name in metadata}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **kept,
            "generateName": f"{owner['metadata']['name']}-",
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": template["spec"],
    }


class ReplicaSetController:
    """Keeps the pods of ReplicaSets."""

    name = "replicaset-controller"

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._events = EventRecorder(api, self.name, clock)

    @property
    def watches(self) -> Mapping[str, Concerns]:
        return {"replicasets": itself, "pods": controlling("ReplicaSet")}

    async def reconcile(self, key: Key) -> float | None:
        try:
            replica_set = await self._api.get("replicasets", *key)
        except ApiError as refused:
            if refused.status == 404:
                return None
            raise
        pods = await self._own_pods(replica_set)
        if not is_going(replica_set):
            active = [pod for pod in pods if is_active(pod)]
            todo = plan(replica_set["spec"].get("replicas", 1), active)
            for _ in range(todo.create):
                await self._create_pod(replica_set)
            for pod in todo.delete:
                await self._delete_pod(replica_set, pod)
            if todo.create or todo.delete:
                pods = await self._own_pods(replica_set)
        return await self._write_status(replica_set, pods)

    async def _own_pods(self, replica_set: Object) -> list[Object]:
        """Its pods, among them those without an owner that its selector matches: these it adopts."""
        listed = await self._api.list("pods", replica_set["metadata"]["namespace"])
        own = []
        for pod in listed.items:
            if is_controlled_by(pod, replica_set):
                own.append(pod)
            elif controller_of(pod) is None and is_active(pod) and not is_going(replica_set):
                labels = pod["metadata"].get("labels") or {}
                if matches_labels(replica_set["spec"]["selector"], labels):
                    own.append(await self._adopt(replica_set, pod))
        return own

    async def _adopt(self, replica_set: Object, pod: Object) -> Object:
        metadata = pod["metadata"]
        change = {
            "metadata": {
                "uid": metadata["uid"],
                "ownerReferences": [*metadata.get("ownerReferences", ()), owner_reference(replica_set)],
            }
        }
        return await self._api.patch("pods", metadata["namespace"], metadata["name"], change)

    async def _create_pod(self, replica_set: Object) -> None:
        pod = pod_from_template(replica_set, replica_set["spec"]["template"])
        try:
            created = await self._api.create("pods", replica_set["metadata"]["namespace"], pod)
        except ApiError as refused:
            await self._events.record(replica_set, "Warning", "FailedCreate", f"Error creating: {refused.message}")
            raise
        message = f"Created pod: {created['metadata']['name']}"
        await self._events.record(replica_set, "Normal", "SuccessfulCreate", message)

    async def _delete_pod(self, replica_set: Object, pod: Object) -> None:
        metadata = pod["metadata"]
        try:
            await self._api.delete("pods", metadata["namespace"], metadata["name"], uid=metadata["uid"])
        except ApiError as refused:
            if refused.status != 404:
                raise
            return
        await self._events.record(replica_set, "Normal", "SuccessfulDelete", f"Deleted pod: {metadata['name']}")

    async def _write_status(self, replica_set: Object, pods: list[Object]) -> float | None:
        spec, metadata = replica_set["spec"], replica_set["metadata"]
        active = [pod for pod in pods if is_active(pod)]
        waits = [available_in_s(pod, spec.get("minReadySeconds", 0), self._clock.now()) for pod in active]
        template_labels = spec["template"]["metadata"].get("labels", {})
        counts = {
            "replicas": len(active),
            "fullyLabeledReplicas": sum(
                template_labels.items() <= (pod["metadata"].get("labels") or {}).items() for pod in active
            ),
            "readyReplicas": sum(map(is_ready, active)),
            "availableReplicas": sum(wait == 0 for wait in waits),
        }
        status = {name: count for name, count in counts.items() if count or name == "replicas"}
        status["terminatingReplicas"] = sum(map(is_going, pods))
        status["observedGeneration"] = metadata.get("generation", 1)
        if status != replica_set.get("status"):
            changed = {**replica_set, "status": status}
            await self._api.update("replicasets", metadata["namespace"], changed, subresource="status")
        return min((wait for wait in waits if wait), default=None)

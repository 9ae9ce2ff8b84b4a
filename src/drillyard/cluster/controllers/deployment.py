"""
Deployments: one ReplicaSet per template, the newest scaled up as the older ones are scaled down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, Object
from drillyard.cluster.controllers.availability import is_going
from drillyard.cluster.controllers.controller import Concerns, controlling, is_controlled_by, itself, owner_reference
from drillyard.cluster.controllers.deployment_status import status_of
from drillyard.cluster.controllers.rollout import new_replicas, old_replicas, template_hash
from drillyard.cluster.informer import Key
from drillyard.cluster.recorder import EventRecorder

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
_NOT_COPIED = ("kubectl.kubernetes.io/last-applied-configuration", REVISION)


class DeploymentController:
    """Keeps the ReplicaSets of Deployments."""

    name = "deployment-controller"

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._events = EventRecorder(api, self.name, clock)

    @property
    def watches(self) -> Mapping[str, Concerns]:
        return {"deployments": itself, "replicasets": controlling("Deployment")}

    async def reconcile(self, key: Key) -> float | None:
        try:
            deployment = await self._api.get("deployments", *key)
        except ApiError as refused:
            if refused.status == 404:
                return None
            raise
        listed = await self._api.list("replicasets", key[0])
        owned = [item for item in listed.items if is_controlled_by(item, deployment)]
        new = next((item for item in owned if _same_template(item, deployment)), None)
        if is_going(deployment):
            return None
        if deployment["spec"].get("paused"):
            return await self._write_status(deployment, new, owned)
        old = [item for item in owned if new is None or item["metadata"]["uid"] != new["metadata"]["uid"]]
        if new is None:
            new = await self._create(deployment, old)
            owned.append(new)
        new = await self._keep_revision(deployment, new, old)
        new = await self._scale(deployment, new, new_replicas(deployment, new, old))
        for name, replicas in old_replicas(deployment, new, old).items():
            await self._scale(deployment, next(item for item in old if item["metadata"]["name"] == name), replicas)
        await self._forget_old(deployment, old)
        return await self._write_status(deployment, new, owned)

    async def _create(self, deployment: Object, old: Sequence[Object]) -> Object:
        metadata, template = deployment["metadata"], deployment["spec"]["template"]
        collisions = deployment.get("status", {}).get("collisionCount", 0)
        digest = template_hash(template, collisions)
        labels = {**template["metadata"].get("labels", {}), HASH_LABEL: digest}
        selector = deployment["spec"]["selector"]
        replicas = new_replicas(deployment, None, old)
        replica_set: Object = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{metadata['name']}-{digest}",
                "labels": labels,
                "annotations": _annotations(deployment, _next_revision(old)),
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": replicas,
                "selector": {**selector, "matchLabels": {**selector.get("matchLabels", {}), HASH_LABEL: digest}},
                "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
            },
        }
        if "minReadySeconds" in deployment["spec"]:
            replica_set["spec"]["minReadySeconds"] = deployment["spec"]["minReadySeconds"]
        try:
            created = await self._api.create("replicasets", metadata["namespace"], replica_set)
        except ApiError as refused:
            if refused.reason == "AlreadyExists":  # Another template has this name: hash with a salt next time.
                status = {**deployment.get("status", {}), "collisionCount": collisions + 1}
                changed = {**deployment, "status": status}
                await self._api.update("deployments", metadata["namespace"], changed, subresource="status")
            raise
        if replicas:
            await self._say_scaled(deployment, created, 0, replicas)
        return created

    async def _keep_revision(self, deployment: Object, new: Object, old: Sequence[Object]) -> Object:
        """The newest ReplicaSet carries the highest revision, also after a rollback to an earlier template."""
        known = int(new["metadata"].get("annotations", {}).get(REVISION, 0))
        revision = max(known, _next_revision(old))
        wanted = _annotations(deployment, revision)
        if any(new["metadata"].get("annotations", {}).get(name) != value for name, value in wanted.items()):
            change = {"metadata": {"annotations": wanted}}
            new = await self._api.patch("replicasets", new["metadata"]["namespace"], new["metadata"]["name"], change)
        metadata = deployment["metadata"]
        if metadata.get("annotations", {}).get(REVISION) != str(revision):
            change = {"metadata": {"annotations": {REVISION: str(revision)}}}
            deployment |= await self._api.patch("deployments", metadata["namespace"], metadata["name"], change)
        return new

    async def _scale(self, deployment: Object, replica_set: Object, replicas: int) -> Object:
        before = replica_set["spec"].get("replicas", 1)
        if before == replicas:
            return replica_set
        metadata = replica_set["metadata"]
        wanted = {"deployment.kubernetes.io/desired-replicas": str(deployment["spec"].get("replicas", 1))}
        change = {"metadata": {"annotations": wanted}, "spec": {"replicas": replicas}}
        scaled = await self._api.patch("replicasets", metadata["namespace"], metadata["name"], change)
        await self._say_scaled(deployment, scaled, before, replicas)
        return scaled

    async def _say_scaled(self, deployment: Object, replica_set: Object, before: int, after: int) -> None:
        way, name = "up" if after > before else "down", replica_set["metadata"]["name"]
        message = f"Scaled {way} replica set {name} from {before} to {after}"
        await self._events.record(deployment, "Normal", "ScalingReplicaSet", message)

    async def _forget_old(self, deployment: Object, old: Sequence[Object]) -> None:
        """Keeps as many empty old ReplicaSets as `revisionHistoryLimit` says; undo needs them."""
        empty = [
            item
            for item in old
            if not item["spec"].get("replicas") and not item.get("status", {}).get("replicas") and not is_going(item)
        ]
        empty.sort(key=_revision_of)
        surplus = len(empty) - deployment["spec"].get("revisionHistoryLimit", 10)
        for item in empty[: max(0, surplus)]:
            metadata = item["metadata"]
            await self._api.delete("replicasets", metadata["namespace"], metadata["name"], uid=metadata["uid"])

    async def _write_status(self, deployment: Object, new: Object | None, owned: Sequence[Object]) -> float | None:
        status, again_s = status_of(deployment, new, owned, self._clock.now())
        if status != deployment.get("status"):
            changed = {**deployment, "status": status}
            await self._api.update("deployments", deployment["metadata"]["namespace"], changed, subresource="status")
        return again_s


def _same_template(replica_set: Object, deployment: Object) -> bool:
    return _bare(replica_set["spec"]["template"]) == _bare(deployment["spec"]["template"])


def _bare(template: Object) -> Object:
    metadata: dict[str, Any] = dict(template["metadata"])
    labels = {name: value for name, value in metadata.get("labels", {}).items() if name != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _revision_of(replica_set: Object) -> int:
    text = replica_set["metadata"].get("annotations", {}).get(REVISION, "0")
    return int(text) if text.isdecimal() else 0


def _next_revision(old: Sequence[Object]) -> int:
    return max(map(_revision_of, old), default=0) + 1


def _annotations(deployment: Object, revision: int) -> dict[str, str]:
    wanted = deployment["spec"].get("replicas", 1)
    own = deployment["metadata"].get("annotations", {})
    return {
        **{name: value for name, value in own.items() if name not in _NOT_COPIED},
        REVISION: str(revision),
        "deployment.kubernetes.io/desired-replicas": str(wanted),
    }

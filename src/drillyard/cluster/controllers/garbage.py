"""
The garbage collector: what belongs to an object goes with it, before it, or stays behind, as the deleter asked.

Ownership is `metadata.ownerReferences` by uid. Background (the default): dependents go after their owner. Foreground:
the owner waits, held by a finalizer, until they are gone. Orphan: they lose the reference and stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, EventType, Object
from drillyard.cluster.controllers.controller import Concerns
from drillyard.cluster.informer import Key
from drillyard.cluster.resources import RESOURCES, of_kind

_FOREGROUND, _ORPHAN = "foregroundDeletion", "orphan"
_AGAIN_S = 0.5
COLLECTED = tuple(
    dict.fromkeys(row.plural for row in RESOURCES if row.stored and row.plural not in ("events", "namespaces"))
)


class GarbageCollector:
    """Keys are (kind, uid)."""

    name = "garbage-collector"

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._nodes: dict[str, tuple[str, str, str]] = {}  # uid → kind, namespace, name
        self._dependents: dict[str, set[str]] = {}  # uid of the owner → uids

    @property
    def watches(self) -> Mapping[str, Concerns]:
        return {kind: self._concerns(kind) for kind in COLLECTED}

    def _concerns(self, kind: str) -> Concerns:
        def concerns(change: EventType, obj: Object) -> Iterable[Key]:
            metadata = obj["metadata"]
            uid, owners = metadata["uid"], [item["uid"] for item in metadata.get("ownerReferences") or ()]
            if change == "DELETED":
                self._nodes.pop(uid, None)
                for owner in owners:
                    self._dependents.get(owner, set()).discard(uid)
                    if owner in self._nodes:
                        yield self._nodes[owner][0], owner  # It may be waiting for this one.
                for dependent in tuple(self._dependents.pop(uid, ())):
                    if dependent in self._nodes:
                        yield self._nodes[dependent][0], dependent
                return
            self._nodes[uid] = (kind, metadata.get("namespace", ""), metadata["name"])
            for owner in owners:
                self._dependents.setdefault(owner, set()).add(uid)
            if owners or "deletionTimestamp" in metadata:
                yield kind, uid

        return concerns

    async def reconcile(self, key: Key) -> float | None:
        _, uid = key
        node = self._nodes.get(uid)
        if node is None:
            return None
        kind, namespace, name = node
        try:
            obj = await self._api.get(kind, namespace, name)
        except ApiError as refused:
            if refused.status == 404:
                return None
            raise
        if obj["metadata"]["uid"] != uid:
            return None
        if "deletionTimestamp" in obj["metadata"]:
            return await self._finish(kind, obj)
        owners = obj["metadata"].get("ownerReferences") or ()
        if owners and not [owner for owner in owners if await self._exists(namespace, owner)]:
            await self._api.delete(kind, namespace, name, propagation="Background", uid=uid)
        return None

    async def _exists(self, namespace: str, owner: Object) -> bool:
        """Asks the API and not the memory: an owner may be younger than what we remember."""
        group = owner["apiVersion"].rpartition("/")[0]
        row = of_kind(group, owner["kind"])
        if row is None:
            return True  # Of a kind that this cluster does not know, so nothing can be said of it.
        try:
            found = await self._api.get(row.plural, namespace if row.namespaced else None, owner["name"])
        except ApiError as refused:
            if refused.status == 404:
                return False
            raise
        return bool(found["metadata"]["uid"] == owner["uid"])

    async def _finish(self, kind: str, obj: Object) -> float | None:
        """Does what the finalizers of a dying object ask of the garbage collector."""
        finalizers = obj["metadata"].get("finalizers") or []
        uid = obj["metadata"]["uid"]
        if _ORPHAN in finalizers:
            for dependent in tuple(self._dependents.get(uid, ())):
                await self._orphan(dependent, uid)
            await self._take_off(kind, obj, _ORPHAN)
        elif _FOREGROUND in finalizers:
            alive = [found for item in tuple(self._dependents.get(uid, ())) if (found := self._nodes.get(item))]
            if not alive:
                await self._take_off(kind, obj, _FOREGROUND)
                return None
            for below, namespace, name in alive:
                try:
                    found_now = await self._api.get(below, namespace, name)
                    if "deletionTimestamp" not in found_now["metadata"]:
                        await self._api.delete(below, namespace, name, propagation="Foreground")
                except ApiError as refused:
                    if refused.status != 404:
                        raise
            return _AGAIN_S
        return None

    async def _orphan(self, dependent: str, owner: str) -> None:
        node = self._nodes.get(dependent)
        if node is None:
            return
        kind, namespace, name = node
        obj = await self._api.get(kind, namespace, name)
        kept = [item for item in obj["metadata"].get("ownerReferences") or () if item["uid"] != owner]
        await self._api.patch(kind, namespace, name, {"metadata": {"ownerReferences": kept or None}})

    async def _take_off(self, kind: str, obj: Object, finalizer: str) -> None:
        metadata = obj["metadata"]
        kept = [item for item in metadata.get("finalizers") or () if item != finalizer]
        change = {"metadata": {"finalizers": kept or None, "resourceVersion": metadata["resourceVersion"]}}
        await self._api.patch(kind, metadata.get("namespace"), metadata["name"], change)

"""
The API for callers in the same process: controllers, kubelet, yard. Same rules as over HTTP, without the wire.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from drillyard.cluster.apiserver import conversion
from drillyard.cluster.apiserver.decoding import copy_of
from drillyard.cluster.apiserver.metrics import Metrics
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.options import DeleteRequest, WriteOptions
from drillyard.cluster.apiserver.scale import patch_scale, update_scale
from drillyard.cluster.apiserver.selection import Selection, selected_changes
from drillyard.cluster.client import ApiError, Object, ObjectList, PatchType, Propagation, WatchEvent
from drillyard.cluster.resources import Resource, named


def _resource(kind: str) -> Resource:
    try:
        return named(kind)
    except KeyError:
        raise ApiError(404, "NotFound", f"this cluster serves no {kind}", {}) from None


class LocalApi:
    """Implements `cluster.client.Api` on the objects themselves. `manager` is who its writes are recorded for."""

    def __init__(self, objects: Objects, metrics: Metrics, manager: str) -> None:
        self._objects, self._metrics, self._manager = objects, metrics, manager

    async def list(
        self, kind: str, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> ObjectList:
        resource = _resource(kind)
        chosen = Selection.of(labels or "", fields or "", resource.key)
        store = self._objects.store
        if not resource.stored:
            return ObjectList(await self._metrics.measured(resource, namespace, chosen), str(store.version))
        items = [
            conversion.from_storage(resource, stored.copy())
            for stored in store.list(resource.key, namespace)
            if chosen.sees(stored)
        ]
        return ObjectList(items, str(store.version))

    async def watch(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        resource_version: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> AsyncIterator[WatchEvent]:
        resource = _resource(kind)
        chosen = Selection.of(labels or "", fields or "", resource.key)
        store = self._objects.store
        since = int(resource_version) if resource_version else store.version
        watcher = store.watch(resource.key, namespace, since)
        try:
            if not resource_version:
                for stored in store.list(resource.key, namespace):
                    if chosen.sees(stored):
                        yield WatchEvent("ADDED", conversion.from_storage(resource, stored.copy()))
            while (change := await watcher.next()) is not None:
                for type, stored in selected_changes(change, chosen):
                    yield WatchEvent(type, conversion.from_storage(resource, stored.copy()))
        finally:
            watcher.close()

    async def get(self, kind: str, namespace: str | None, name: str) -> Object:
        return self._objects.get(_resource(kind), namespace or "", name)

    async def create(self, kind: str, namespace: str | None, obj: Object) -> Object:
        options = self._options()
        return self._objects.create(_resource(kind), _namespace(namespace, obj), copy_of(obj), options)

    async def update(self, kind: str, namespace: str | None, obj: Object, *, subresource: str | None = None) -> Object:
        resource, name = _resource(kind), obj["metadata"]["name"]
        namespace = _namespace(namespace, obj)
        match subresource:
            case "binding":
                return self._objects.bind(namespace, name, obj["target"]["name"])
            case "scale":
                return update_scale(self._objects, resource, namespace, name, obj, self._options())
        return self._objects.update(resource, namespace, name, copy_of(obj), self._options(), subresource or "")

    async def patch(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        patch: Object | Sequence[Object],
        *,
        type: PatchType = "merge",
        subresource: str | None = None,
    ) -> Object:
        resource = _resource(kind)
        change = copy_of(patch)
        if type == "apply" and not subresource:
            applied = copy_of(patch)
            return self._objects.apply(resource, namespace or "", name, applied, self._options())[0]
        if subresource == "scale":
            return patch_scale(self._objects, resource, namespace or "", name, change, type, self._options())
        return self._objects.patch(resource, namespace or "", name, change, type, self._options(), subresource or "")

    async def delete(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        *,
        grace_s: int | None = None,
        propagation: Propagation | None = None,
        uid: str | None = None,
    ) -> None:
        request = DeleteRequest(grace_s=grace_s, propagation=propagation, uid=uid)
        self._objects.delete(_resource(kind), namespace or "", name, request)

    def _options(self) -> WriteOptions:
        return WriteOptions(manager=self._manager, validation="Strict")


def _namespace(namespace: str | None, obj: Object) -> str:
    return namespace or obj.get("metadata", {}).get("namespace", "")

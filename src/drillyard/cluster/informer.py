"""
A cache of one kind that is never stale for good: list, watch, and list again whenever the watch is lost.

Controllers, kubelet and network all need "what is there now, and tell me of changes". An Informer keeps the objects of
one kind (as a map by namespace and name) and calls back for each change, after the cache shows it. It survives a server
that restarts, a version that expired (410) and any refused connection, with a growing pause between tries.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from drillyard.base.clock import Clock, SystemClock
from drillyard.cluster.client import Api, ApiError, EventType, Object

_log = logging.getLogger(__name__)
_PAUSE_MIN_S = 0.05
_PAUSE_MAX_S = 5.0

Key = tuple[str, str]
Listener = Callable[[EventType, Object], None]


def key_of(obj: Object) -> Key:
    """Namespace ("" for a cluster-wide object) and name."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Informer:
    """The objects of one kind, kept current by `run`. Read `objects` freely, but change none of them."""

    def __init__(
        self,
        api: Api,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.kind = kind
        self.objects: dict[Key, Object] = {}
        self.synced = asyncio.Event()  # Set once the first list is in.
        self._api, self._namespace = api, namespace
        self._labels, self._fields = labels, fields
        self._clock: Clock = clock or SystemClock()
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Calls back for every later change, and for what exists when the first list comes in. Must not block."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Keeps the cache current until cancelled."""
        pause_s = _PAUSE_MIN_S
        while True:
            try:
                version = await self._relist()
                pause_s = _PAUSE_MIN_S
                await self._follow(version)
            except ApiError as refused:
                if refused.status != 410:
                    _log.warning("watch of %s: %s", self.kind, refused.message)
            except (OSError, TimeoutError) as lost:
                _log.warning("watch of %s lost: %s", self.kind, lost)
            await self._clock.sleep(pause_s)
            pause_s = min(pause_s * 2, _PAUSE_MAX_S)

    async def _relist(self) -> str:
        listed = await self._api.list(self.kind, self._namespace, labels=self._labels, fields=self._fields)
        current = {key_of(obj): obj for obj in listed.items}
        for key in self.objects.keys() - current.keys():
            self._apply("DELETED", self.objects[key])
        for key, obj in current.items():
            known = self.objects.get(key)
            if known is None:
                self._apply("ADDED", obj)
            elif known["metadata"]["uid"] != obj["metadata"]["uid"]:
                self._apply("DELETED", known)
                self._apply("ADDED", obj)
            elif known["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
                self._apply("MODIFIED", obj)
        self.synced.set()
        return listed.resource_version

    async def _follow(self, version: str) -> None:
        async for event in self._api.watch(
            self.kind, self._namespace, resource_version=version, labels=self._labels, fields=self._fields
        ):
            self._apply(event.type, event.object)

    def _apply(self, change: EventType, obj: Object) -> None:
        if change == "DELETED":
            self.objects.pop(key_of(obj), None)
        else:
            self.objects[key_of(obj)] = obj
        for listener in self._listeners:
            listener(change, obj)

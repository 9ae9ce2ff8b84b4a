"""
Events, as controllers, scheduler and kubelet record them: one object per thing that happens, with a count.

The same event about the same object is not stored twice: its count and lastTimestamp go up, as client-go's correlator
does it. Recording never fails its caller: an event that cannot be stored is logged, and the work goes on.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Literal

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, Object
from drillyard.cluster.timestamps import time_of

_log = logging.getLogger(__name__)
_REMEMBERED_MAX = 4096

_Key = tuple[str, str, str, str, str]


def reference(obj: Object, *, field_path: str | None = None) -> Object:
    """An ObjectReference (core/v1) to the object; `field_path` such as `spec.containers{orders}`."""
    metadata = obj["metadata"]
    found: Object = {
        "kind": obj["kind"],
        "apiVersion": obj["apiVersion"],
        "name": metadata["name"],
        "uid": metadata.get("uid"),
        "namespace": metadata.get("namespace"),
        "resourceVersion": metadata.get("resourceVersion"),
        "fieldPath": field_path,
    }
    return {key: value for key, value in found.items() if value}


class EventRecorder:
    """Records events in the name of one component, such as `deployment-controller` or `kubelet`."""

    def __init__(self, api: Api, component: str, clock: Clock, *, host: str | None = None) -> None:
        self._api, self._component, self._clock, self._host = api, component, clock, host
        self._known: OrderedDict[_Key, tuple[str, int]] = OrderedDict()

    async def record(
        self,
        obj: Object,
        type: Literal["Normal", "Warning"],
        reason: str,
        message: str,
        *,
        field_path: str | None = None,
    ) -> None:
        """Says that something happened to the object. `obj` needs kind, apiVersion and metadata."""
        involved = reference(obj, field_path=field_path)
        key: _Key = (involved.get("uid") or involved["name"], type, reason, message, field_path or "")
        try:
            if key in self._known and await self._count_up(key, involved):
                return
            await self._store(key, involved, type, reason, message)
        except (ApiError, OSError, TimeoutError) as failed:
            _log.warning("event %s about %s not stored: %s", reason, involved["name"], failed)

    async def _count_up(self, key: _Key, involved: Object) -> bool:
        name, count = self._known[key]
        change = {"count": count + 1, "lastTimestamp": time_of(self._clock.now())}
        try:
            await self._api.patch("events", involved.get("namespace", "default"), name, change)
        except ApiError as refused:
            if refused.status != 404:
                raise
            del self._known[key]  # It was deleted or has expired.
            return False
        self._known[key] = (name, count + 1)
        self._known.move_to_end(key)
        return True

    async def _store(self, key: _Key, involved: Object, type: str, reason: str, message: str) -> None:
        moment = self._clock.now()
        namespace = involved.get("namespace", "default")
        nanoseconds = int(moment.timestamp() * 1_000_000) * 1000
        source = {"component": self._component, **({"host": self._host} if self._host else {})}
        for attempt in range(8):  # Two events in one microsecond get different names.
            name = f"{involved['name']}.{nanoseconds + attempt:x}"
            try:
                await self._api.create(
                    "events",
                    namespace,
                    {
                        "apiVersion": "v1",
                        "kind": "Event",
                        "metadata": {"name": name, "namespace": namespace},
                        "involvedObject": involved,
                        "reason": reason,
                        "message": message,
                        "source": source,
                        "firstTimestamp": time_of(moment),
                        "lastTimestamp": time_of(moment),
                        "count": 1,
                        "type": type,
                        "reportingComponent": self._component,
                        "reportingInstance": self._host or "",
                    },
                )
            except ApiError as refused:
                if refused.reason != "AlreadyExists":
                    raise
                continue
            self._known[key] = (name, 1)
            while len(self._known) > _REMEMBERED_MAX:
                self._known.popitem(last=False)
            return

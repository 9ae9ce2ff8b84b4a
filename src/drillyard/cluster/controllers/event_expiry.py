"""
Events are kept for an hour after they last happened, as a real API server keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, Object
from drillyard.cluster.controllers.controller import Concerns, itself
from drillyard.cluster.informer import Key
from drillyard.cluster.timestamps import parse_time

KEPT = timedelta(hours=1)


def last_seen(event: Object) -> str:
    """When it last happened, by whichever of its times is there."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return next((str(found) for found in times if found), str(event["metadata"]["creationTimestamp"]))


class EventExpiry:
    """Deletes old events."""

    name = "event-expiry"

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock

    @property
    def watches(self) -> Mapping[str, Concerns]:
        return {"events": lambda change, event: itself(change, event) if change == "ADDED" else ()}

    async def reconcile(self, key: Key) -> float | None:
        try:
            event = await self._api.get("events", *key)
            left = parse_time(last_seen(event)) + KEPT - self._clock.now()
            if left > timedelta():
                return left.total_seconds()
            await self._api.delete("events", *key)
        except ApiError as refused:
            if refused.status != 404:
                raise
        return None

"""
The two pieces that controllers, kubelet and network share: a cache that heals, and events that count.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.cluster.apiserver.local import LocalApi
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.client import ApiError, EventType, Object, ObjectList, WatchEvent
from drillyard.cluster.informer import Informer
from drillyard.cluster.recorder import EventRecorder


def named(name: str, version: str, uid: str = "u") -> Object:
    return {"metadata": {"name": name, "namespace": "shop", "uid": uid + name, "resourceVersion": version}}


class Script:
    """An API whose lists and watches are written down beforehand."""

    def __init__(self, *turns: tuple[list[Object] | Exception, list[WatchEvent | Exception]]) -> None:
        self._turns = list(turns)
        self._events: list[WatchEvent | Exception] = []

    async def list(self, kind: str, namespace: str | None = None, **selectors: Any) -> ObjectList:
        if not self._turns:
            await asyncio.Event().wait()
        items, self._events = self._turns.pop(0)
        if isinstance(items, Exception):
            raise items
        return ObjectList(items, "9")

    async def watch(self, kind: str, namespace: str | None = None, **options: Any) -> AsyncIterator[WatchEvent]:
        for event in self._events:
            if isinstance(event, Exception):
                raise event
            yield event


async def seen_by(script: Script, seconds: float = 30) -> tuple[list[tuple[EventType, str]], Informer]:
    clock, seen = VirtualClock(), list[tuple[EventType, str]]()
    informer = Informer(script, "pods", clock=clock)  # type: ignore[arg-type]
    informer.listen(lambda change, obj: seen.append((change, obj["metadata"]["name"])))
    running = asyncio.create_task(informer.run())
    await clock.advance(seconds)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return seen, informer


async def test_what_changed_while_the_watch_was_lost_is_told_after_the_next_list(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        seen, informer = await seen_by(
            Script(
                ([named("a", "1"), named("b", "2"), named("c", "3")], [WatchEvent("MODIFIED", named("a", "4"))]),
                (ConnectionError("gone"), []),
                ([named("a", "4"), named("b", "7"), named("c", "8", "other")], [ApiError(410, "Expired", "too old")]),
                ([named("a", "4"), named("b", "7"), named("d", "9")], []),
            )
        )
    assert seen[:4] == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c"), ("MODIFIED", "a")]
    assert seen[4:7] == [("MODIFIED", "b"), ("DELETED", "c"), ("ADDED", "c")]
    assert seen[7:] == [("DELETED", "c"), ("ADDED", "d")]
    assert sorted(name for _, name in informer.objects) == ["a", "b", "d"]


async def test_a_server_that_stays_away_is_asked_less_and_less_often(caplog: pytest.LogCaptureFixture) -> None:
    script = Script(*[(ConnectionError("gone"), [])] * 100)
    with caplog.at_level(logging.ERROR):
        await seen_by(script, seconds=60)
    asked = 100 - len(script._turns)
    assert 10 < asked < 25


async def test_the_same_event_is_counted_and_another_is_stored(api: LocalApi, clock: VirtualClock) -> None:
    recorder = EventRecorder(api, "kubelet", clock, host="n1")
    pod: Object = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "namespace": "shop", "uid": "1"}}
    for message in ("Back-off", "Back-off", "Back-off", "Pulled"):
        await recorder.record(pod, "Warning", "BackOff", message, field_path="spec.containers{c}")
        clock.elapsed_s += 10
    found = {item["message"]: item for item in (await api.list("events", "shop")).items}
    assert {message: item["count"] for message, item in found.items()} == {"Back-off": 3, "Pulled": 1}
    assert found["Back-off"]["lastTimestamp"] == "2025-11-05T20:00:20Z"
    assert found["Back-off"]["involvedObject"]["fieldPath"] == "spec.containers{c}"
    assert found["Back-off"]["source"] == {"component": "kubelet", "host": "n1"}


async def test_an_event_that_was_deleted_is_stored_again(api: LocalApi, clock: VirtualClock) -> None:
    recorder = EventRecorder(api, "test", clock)
    pod: Object = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "namespace": "shop", "uid": "1"}}
    await recorder.record(pod, "Normal", "Started", "Started container")
    (first,) = (await api.list("events", "shop")).items
    await api.delete("events", "shop", first["metadata"]["name"])
    clock.elapsed_s += 1
    await recorder.record(pod, "Normal", "Started", "Started container")
    assert [item["count"] for item in (await api.list("events", "shop")).items] == [1]


async def test_recording_never_fails_its_caller(
    api: LocalApi, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = EventRecorder(api, "test", clock)
    lost: Object = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "namespace": "nowhere"}}
    await recorder.record(lost, "Normal", "Started", "Started container")
    assert 'namespaces "nowhere" not found' in caplog.text


async def test_events_are_the_same_in_both_groups(objects: Objects, api: LocalApi, clock: VirtualClock) -> None:
    recorder = EventRecorder(api, "test", clock)
    pod: Object = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "namespace": "shop", "uid": "1"}}
    await recorder.record(pod, "Normal", "Started", "Started container")
    (old,) = (await api.list("events", "shop")).items
    (new,) = (await api.list("events.events.k8s.io", "shop")).items
    assert new["apiVersion"] == "events.k8s.io/v1"
    assert (new["note"], new["regarding"]) == (old["message"], old["involvedObject"])
    assert (new["deprecatedCount"], new["eventTime"]) == (1, "2025-11-05T20:00:00Z")

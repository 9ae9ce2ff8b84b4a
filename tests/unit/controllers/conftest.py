"""
Controllers on an API in memory, in virtual time, with pods that a test makes ready by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.cluster.apiserver.local import LocalApi
from drillyard.cluster.apiserver.metrics import Metrics
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.store import Store
from drillyard.cluster.client import Object, PodUsage
from drillyard.cluster.controllers.run import run_controllers
from drillyard.cluster.timestamps import time_of

NAMESPACE = "shop"


class Cluster:
    """The API, the clock, and what a kubelet would do."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.store = Store()
        self.objects = Objects(self.store, self.clock, random.Random(7))
        self.metrics = Metrics(self.store)
        self.api = LocalApi(self.objects, self.metrics, "test")
        self.usage_of: dict[str, PodUsage] = {}

    async def settle(self) -> None:
        """Lets every task run until nothing is written any more."""
        quiet = 0
        for _ in range(2_000):
            before = self.store.version
            await asyncio.sleep(0)
            quiet = quiet + 1 if self.store.version == before else 0
            if quiet > 60:
                return
        raise AssertionError("the controllers do not come to rest")

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self.settle()

    async def items(self, kind: str, labels: str | None = None) -> list[Object]:
        return (await self.api.list(kind, NAMESPACE, labels=labels)).items

    async def add_node(self, name: str = "n1", **spec: object) -> None:
        ready = {"type": "Ready", "status": "True"}
        status = {"conditions": [ready], "allocatable": {"cpu": "2", "memory": "1Gi", "pods": "110"}}
        await self.api.create("nodes", None, {"metadata": {"name": name}, "spec": spec, "status": status})
        await self.settle()

    async def make_ready(self, labels: str | None = None, *, ready: bool = True) -> None:
        """Says of every pod with these labels that it runs, and is ready or not; removes those that are being deleted."""
        for pod in await self.items("pods", labels):
            name = pod["metadata"]["name"]
            if "deletionTimestamp" in pod["metadata"]:
                await self.api.delete("pods", NAMESPACE, name, grace_s=0)
                continue
            said = {item["type"]: item["status"] for item in pod["status"].get("conditions", ())}
            if pod["status"]["phase"] in ("Succeeded", "Failed") or said.get("Ready") == str(ready):
                continue
            address = f"10.244.0.{sum(map(ord, name)) % 250 + 1}"
            state = {"type": "Ready", "status": str(ready), "lastTransitionTime": time_of(self.clock.now())}
            both = [state, {**state, "type": "ContainersReady"}]
            pod["status"] |= {"phase": "Running", "podIP": address, "conditions": both}
            await self.api.update("pods", NAMESPACE, pod, subresource="status")
        await self.settle()

    async def finish(self, pod: Object, phase: str) -> None:
        """Ends a pod."""
        ended = {"terminated": {"exitCode": 0 if phase == "Succeeded" else 1, "finishedAt": time_of(self.clock.now())}}
        pod["status"] |= {"phase": phase, "conditions": [], "containerStatuses": [{"name": "c", "state": ended}]}
        await self.api.update("pods", NAMESPACE, pod, subresource="status")
        await self.settle()

    async def events(self, reason: str) -> list[str]:
        return [item["message"] for item in await self.items("events") if item["reason"] == reason]


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    found = Cluster()
    await found.api.create("namespaces", None, {"metadata": {"name": NAMESPACE}})
    running = asyncio.create_task(run_controllers(found.api, found.clock))
    await found.settle()
    yield found
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def template(name: str, image: str = "web:1") -> Object:
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": image}]}}


def deployment(name: str = "web", **spec: object) -> Object:
    return {
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template(name), **spec},
    }

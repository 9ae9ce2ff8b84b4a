"""
metrics.k8s.io/v1beta1: what nodes and pods use, measured by the node when somebody asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from drillyard.cluster.apiserver import status
from drillyard.cluster.apiserver.selection import Selection
from drillyard.cluster.apiserver.store import Store
from drillyard.cluster.client import ApiError, NodeAgent, Object, PodUsage
from drillyard.cluster.resources import Resource
from drillyard.cluster.timestamps import time_of


class Metrics:
    """The usage of the pods that are stored, from the agent that has joined."""

    def __init__(self, store: Store) -> None:
        self.agent: NodeAgent | None = None
        self._store = store

    async def measured(
        self, resource: Resource, namespace: str | None, chosen: Selection | None = None
    ) -> list[Object]:
        """PodMetrics or NodeMetrics. Raises ApiError 503 when no node has joined."""
        if self.agent is None:
            raise ApiError(503, "ServiceUnavailable", "the server is currently unable to handle the request", {})
        usages = await self.agent.usage()
        if resource.plural == "nodes":
            found = self._nodes(usages)
        else:
            found = [item for usage in usages if (item := self._pod(usage, namespace)) is not None]
        return [item for item in found if chosen is None or chosen(item)]

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        for item in await self.measured(resource, namespace or None):
            if item["metadata"]["name"] == name:
                return item
        raise status.not_found(resource, name)

    def _pod(self, usage: PodUsage, namespace: str | None) -> Object | None:
        stored = self._store.get("pods", usage.namespace, usage.pod)
        if stored is None or (namespace is not None and usage.namespace != namespace):
            return None
        labels = stored.obj["metadata"].get("labels")
        metadata = {"name": usage.pod, "namespace": usage.namespace, **({"labels": labels} if labels else {})}
        containers = [
            {"name": item.name, "usage": _amounts(item.cpu_nanocores, item.memory_bytes)} for item in usage.containers
        ]
        shown = _item("PodMetrics", metadata, usage.timestamp, usage.window_s)
        return {**shown, "containers": containers}

    def _nodes(self, usages: Sequence[PodUsage]) -> list[Object]:
        """The sum of a node's pods: what the machine does besides is not the cluster's."""
        found = []
        for node in self._store.list("nodes"):
            own = [usage for usage in usages if self._node_of(usage) == node.name]
            if not own:
                continue
            cpu = sum(item.cpu_nanocores for usage in own for item in usage.containers)
            memory = sum(item.memory_bytes for usage in own for item in usage.containers)
            labels = node.obj["metadata"].get("labels", {})
            latest = max(own, key=lambda usage: usage.timestamp)
            shown = _item("NodeMetrics", {"name": node.name, "labels": labels}, latest.timestamp, latest.window_s)
            found.append({**shown, "usage": _amounts(cpu, memory)})
        return found

    def _node_of(self, usage: PodUsage) -> str:
        stored = self._store.get("pods", usage.namespace, usage.pod)
        return str(stored.obj["spec"].get("nodeName", "")) if stored else ""


def _item(kind: str, metadata: Object, timestamp: datetime, window_s: float) -> Object:
    return {
        "kind": kind,
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {**metadata, "creationTimestamp": time_of(timestamp)},
        "timestamp": time_of(timestamp),
        "window": f"{window_s:g}s",
    }


def _amounts(cpu_nanocores: int, memory_bytes: int) -> Object:
    return {"cpu": f"{cpu_nanocores}n", "memory": f"{memory_bytes // 1024}Ki"}

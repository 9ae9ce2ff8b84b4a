"""
Measures every few seconds and sends the figures to `/api/v2/series`.

A source that cannot be asked gives no point at all: a zero is always a measured zero.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import orjson

from drillyard.base.clock import Clock
from drillyard.telemetry.agent import usage_metrics
from drillyard.telemetry.agent.autodiscovery import Broker, brokers
from drillyard.telemetry.agent.cluster_metrics import Gauge, deployment_gauges, pod_gauges, queue_gauges
from drillyard.telemetry.agent.host_metrics import HostMetrics
from drillyard.telemetry.agent.intake import Intake
from drillyard.telemetry.agent.kubernetes import KubernetesApi, Object
from drillyard.telemetry.agent.objects import Objects
from drillyard.telemetry.agent.pods import Pods
from drillyard.telemetry.agent.state_metrics import (
    autoscaler_gauges,
    condition_gauges,
    endpoint_gauges,
    phase_gauges,
    replica_set_gauges,
)
from drillyard.telemetry.agent.usage_metrics import bound_gauges, usage_gauges

QUEUES_TIMEOUT_S = 3.0
BROKERS_MAX = 10
SLOW_EVERY_S = 15.0
"""What changes seldom, and what containers use: Datadog's own interval; the node needs some 50 ms to look."""

Count = Callable[[Iterable[Object], str], Iterable[Gauge]]


@dataclass
class Kubernetes:
    """The API server, and the objects whose counts are metrics; `api` is None outside a cluster."""

    api: KubernetesApi | None
    deployments: Objects = field(default_factory=Objects)
    replica_sets: Objects = field(default_factory=Objects)
    autoscalers: Objects = field(default_factory=Objects)
    endpoints: Objects = field(default_factory=Objects)

    def followed(self) -> list[tuple[str, Objects]]:
        """What has to be followed, by its path."""
        return [
            ("/apis/apps/v1/deployments", self.deployments),
            ("/apis/apps/v1/replicasets", self.replica_sets),
            ("/apis/autoscaling/v2/horizontalpodautoscalers", self.autoscalers),
            ("/api/v1/endpoints", self.endpoints),
        ]

    def quick(self) -> list[tuple[Objects, Count]]:
        """What an incident changes."""
        return [(self.deployments, deployment_gauges), (self.endpoints, endpoint_gauges)]

    def slow(self) -> list[tuple[Objects, Count]]:
        """What changes seldom."""
        return [
            (self.deployments, condition_gauges),
            (self.replica_sets, replica_set_gauges),
            (self.autoscalers, autoscaler_gauges),
        ]

    async def listed(self, path: str) -> list[Object] | None:
        """The objects there now; None when they cannot be had."""
        return await self.api.items(path) if self.api else None


class Measurements:
    """`run` measures and sends for ever; what cannot be sent is not made up later."""

    def __init__(
        self,
        intake: Intake,
        api_url: str,
        hostname: str,
        cluster_name: str,
        pods: Pods,
        kubernetes: Kubernetes,
        clock: Clock,
        every_s: float,
        session: aiohttp.ClientSession,
        named: Broker | None,
    ) -> None:
        self._session = session
        self._named = named
        self._intake = intake
        self._url = f"{api_url}/api/v2/series"
        self._hostname = hostname
        self._cluster_name = cluster_name
        self._pods = pods
        self._kubernetes = kubernetes
        self._host = HostMetrics(clock.monotonic_s)
        self._slow_at_s = 0.0
        self._clock = clock
        self._every_s = every_s

    async def run(self) -> None:
        """Measures and sends for ever."""
        while True:
            gauges = list(self._host.gauges(self._own_tags()))
            if self._pods.known:
                gauges += pod_gauges(self._pods.present(), self._cluster_name)
            gauges += self._counts(self._kubernetes.quick())
            if self._clock.monotonic_s() >= self._slow_at_s:
                self._slow_at_s = self._clock.monotonic_s() + SLOW_EVERY_S
                gauges += self._counts(self._kubernetes.slow())
                gauges += await self._of_pods()
            for part in await asyncio.gather(*(self._measure(broker) for broker in self._brokers())):
                gauges += part
            await self.send(gauges)
            await self._clock.sleep(self._every_s)

    def _own_tags(self) -> tuple[str, ...]:
        return (f"kube_cluster_name:{self._cluster_name}",) if self._cluster_name else ()

    def _counts(self, counted: Iterable[tuple[Objects, Count]]) -> list[Gauge]:
        """Nothing of a kind that has not been listed yet: absence would look like zero."""
        known = ((objects, count) for objects, count in counted if objects.known)
        return [gauge for objects, count in known for gauge in count(objects.all(), self._cluster_name)]

    async def _of_pods(self) -> list[Gauge]:
        """Phases, requests, limits, usage."""
        if not self._pods.known:
            return []
        pods = list(self._pods.present())
        gauges = [*phase_gauges(pods, self._cluster_name), *bound_gauges(pods, self._cluster_name)]
        found = await self._kubernetes.listed(usage_metrics.PATH)
        return gauges if found is None else [*gauges, *usage_gauges(found, pods, self._cluster_name)]

    def _brokers(self) -> list[Broker]:
        """The one that was named, or those found among the pods."""
        if self._named:
            return [self._named]
        return list(brokers(self._pods.present(), self._cluster_name))[:BROKERS_MAX]

    async def _measure(self, broker: Broker) -> list[Gauge]:
        queues = await _queues(self._session, broker)
        return [] if queues is None else list(queue_gauges(queues, broker.tags))

    async def send(self, gauges: Iterable[Gauge]) -> None:
        """One request for all of them, with the present time."""
        now_s = int(self._clock.now().timestamp())
        series = [
            {
                "metric": gauge.metric,
                "type": 3,
                "points": [{"timestamp": now_s, "value": gauge.value}],
                "tags": gauge.tags,
                "resources": [{"type": "host", "name": self._hostname}],
            }
            for gauge in gauges
        ]
        if series:
            await self._intake.post_json(self._url, {"series": series})


def named_broker(management_url: str, cluster_name: str) -> Broker | None:
    """The broker of a URL with user and password; None for an empty URL."""
    if not management_url:
        return None
    parts = urlsplit(management_url)
    url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
    tags = (f"kube_cluster_name:{cluster_name}",) if cluster_name else ()
    return Broker(url, parts.username or "guest", parts.password or "guest", tags)


async def _queues(session: aiohttp.ClientSession, broker: Broker) -> list[Any] | None:
    try:
        timeout = aiohttp.ClientTimeout(total=QUEUES_TIMEOUT_S)
        auth = aiohttp.BasicAuth(broker.user, broker.password)
        async with session.get(f"{broker.url}/api/queues", auth=auth, timeout=timeout) as answer:
            if answer.status != 200:
                return None
            found = orjson.loads(await answer.read())
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        return None
    whole = isinstance(found, list) and all(isinstance(queue, dict) and "name" in queue for queue in found)
    return found if whole else None

"""
Measures every few seconds and sends the figures to `/api/v2/series`.

A source that cannot be asked gives no point at all: a zero is always a measured zero.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import orjson

from drillyard.base.clock import Clock
from drillyard.telemetry.agent.autodiscovery import Broker, brokers
from drillyard.telemetry.agent.cluster_metrics import Gauge, deployment_gauges, pod_gauges, queue_gauges
from drillyard.telemetry.agent.intake import Intake
from drillyard.telemetry.agent.objects import Objects
from drillyard.telemetry.agent.pods import Pods

QUEUES_TIMEOUT_S = 3.0
BROKERS_MAX = 10


class Measurements:
    """`run` measures and sends for ever; what cannot be sent is not made up later."""

    def __init__(
        self,
        intake: Intake,
        api_url: str,
        hostname: str,
        cluster_name: str,
        pods: Pods,
        deployments: Objects,
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
        self._deployments = deployments
        self._clock = clock
        self._every_s = every_s

    async def run(self) -> None:
        """Measures and sends for ever."""
        while True:
            gauges: list[Gauge] = []
            if self._deployments.known:
                gauges += deployment_gauges(self._deployments.all(), self._cluster_name)
            if self._pods.known:
                gauges += pod_gauges(self._pods.present(), self._cluster_name)
            for part in await asyncio.gather(*(self._measure(broker) for broker in self._brokers())):
                gauges += part
            await self.send([*gauges, *_host_gauges(self._cluster_name)])
            await self._clock.sleep(self._every_s)

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


def _host_gauges(cluster_name: str) -> list[Gauge]:
    tags = (f"kube_cluster_name:{cluster_name}",) if cluster_name else ()
    return [Gauge("system.load.1", os.getloadavg()[0], tags)]


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

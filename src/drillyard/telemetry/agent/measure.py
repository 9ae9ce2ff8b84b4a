"""
Measures every few seconds and sends the figures to `/api/v2/series`.

A source that cannot be asked gives no point at all: a zero is always a measured zero.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import orjson

from drillyard.base.clock import Clock
from drillyard.telemetry.agent.cluster_metrics import Gauge, deployment_gauges, pod_gauges, queue_gauges
from drillyard.telemetry.agent.intake import Intake
from drillyard.telemetry.agent.objects import Objects
from drillyard.telemetry.agent.pods import Pods

QUEUES_TIMEOUT_S = 3.0


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
    ) -> None:
        self._intake = intake
        self._url = f"{api_url}/api/v2/series"
        self._hostname = hostname
        self._cluster_name = cluster_name
        self._pods = pods
        self._deployments = deployments
        self._clock = clock
        self._every_s = every_s

    async def run(self) -> None:
        """Kubernetes' figures."""
        while True:
            gauges: list[Gauge] = []
            if self._deployments.known:
                gauges += deployment_gauges(self._deployments.all(), self._cluster_name)
            if self._pods.known:
                gauges += pod_gauges(self._pods.present(), self._cluster_name)
            await self.send([*gauges, *_host_gauges(self._cluster_name)])
            await self._clock.sleep(self._every_s)

    async def watch_queues(self, session: aiohttp.ClientSession, management_url: str) -> None:
        """The broker's figures, from its management API (user and password in the URL)."""
        url, auth = _address(management_url)
        tags = [f"kube_cluster_name:{self._cluster_name}"] if self._cluster_name else []
        while True:
            queues = await _queues(session, url, auth)
            if queues is not None:
                await self.send(queue_gauges(queues, tags))
            await self._clock.sleep(self._every_s)

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


def _address(management_url: str) -> tuple[str, aiohttp.BasicAuth]:
    parts = urlsplit(management_url)
    auth = aiohttp.BasicAuth(parts.username or "guest", parts.password or "guest")
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/") + "/api/queues", "", "")), auth


async def _queues(session: aiohttp.ClientSession, url: str, auth: aiohttp.BasicAuth) -> list[Any] | None:
    try:
        timeout = aiohttp.ClientTimeout(total=QUEUES_TIMEOUT_S)
        async with session.get(url, auth=auth, timeout=timeout) as answer:
            if answer.status != 200:
                return None
            found = orjson.loads(await answer.read())
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        return None
    whole = isinstance(found, list) and all(isinstance(queue, dict) and "name" in queue for queue in found)
    return found if whole else None

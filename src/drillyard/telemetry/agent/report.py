"""
What runs on the cluster, reported at once when it changes and every ten seconds anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from drillyard.base.clock import Clock
from drillyard.telemetry.agent.intake import Intake
from drillyard.telemetry.agent.kubernetes import Object
from drillyard.telemetry.agent.pods import Pods
from drillyard.telemetry.agent.tags import container_id, container_status, container_tags, image_of

EVERY_S = 10.0
GATHER_S = 0.2
"""Changes come in flocks: one report for each."""


class ContainerReporter:
    """`run` reports the running containers of all pods that the agent knows."""

    def __init__(
        self, intake: Intake, api_url: str, hostname: str, cluster_name: str, pods: Pods, clock: Clock
    ) -> None:
        self._intake = intake
        self._url = f"{api_url}/api/v1/container"
        self._hostname = hostname
        self._cluster_name = cluster_name
        self._pods = pods
        self._clock = clock

    async def run(self) -> None:
        """Reports for ever; a report that fails is made good by the next."""
        while True:
            self._pods.changes.clear()
            if self._pods.known:
                running = running_containers(self._pods, self._cluster_name)
                await self._intake.post_json(self._url, {"host": self._hostname, "containers": running})
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._pods.changes.wait(), EVERY_S)
                await self._clock.sleep(GATHER_S)


def running_containers(pods: Pods, cluster_name: str) -> list[dict[str, Any]]:
    """Each running container in the form of the containers API."""
    return [
        _container(pod, status["name"], cluster_name)
        for pod in pods.present()
        for status in (pod.get("status") or {}).get("containerStatuses") or []
        if "running" in (status.get("state") or {})
    ]


def _container(pod: Object, name: str, cluster_name: str) -> dict[str, Any]:
    image, status = image_of(pod, name), container_status(pod, name)
    started = str(status["state"]["running"].get("startedAt") or "")
    return {
        "container_id": container_id(pod, name) or f"{pod['metadata']['uid']}-{name}",
        "name": name,
        "state": "running",
        "image_name": image.name if image else "",
        "image_tags": [image.tag] if image else [],
        "image_digest": str(status.get("imageID") or "").rpartition("@")[2],
        "created_at": started,
        "started_at": started,
        "tags": container_tags(pod, name, cluster_name),
    }

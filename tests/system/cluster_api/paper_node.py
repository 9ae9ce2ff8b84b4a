"""
A node on paper: pods bound to it are said to run, and no process is started. Enough for everything above the kubelet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from drillyard.base.clock import Clock
from drillyard.cluster.client import (
    Api,
    ApiError,
    ContainerUsage,
    LogOptions,
    Object,
    PodUsage,
    StreamOptions,
)
from drillyard.cluster.informer import Informer, Key, key_of
from drillyard.cluster.timestamps import time_of

from .paper_process import PaperConnection, PaperProcess

NAME = "paper"


class PaperNode:
    """Registers itself, reports pods as running, forgets them when they are deleted, and gives made-up logs."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._addresses = 0
        self.processes: list[PaperProcess] = []
        self.connections: list[PaperConnection] = []
        self._changed: asyncio.Queue[Key] = asyncio.Queue()

    async def run(self) -> None:
        await self._api.create("nodes", None, self._node())
        pods = Informer(self._api, "pods", clock=self._clock)
        pods.listen(lambda change, pod: self._changed.put_nowait(key_of(pod)))
        async with asyncio.TaskGroup() as group:
            group.create_task(pods.run())
            while True:
                await self._look(*await self._changed.get())

    async def _look(self, namespace: str, name: str) -> None:
        try:
            pod = await self._api.get("pods", namespace, name)
            if pod["spec"].get("nodeName") != NAME:
                return
            if "deletionTimestamp" in pod["metadata"]:
                await self._api.delete("pods", namespace, name, grace_s=0, uid=pod["metadata"]["uid"])
            elif pod["status"]["phase"] == "Pending":
                await self._api.update("pods", namespace, {**pod, "status": self._running(pod)}, subresource="status")
        except ApiError as refused:
            if refused.status not in (404, 409):
                raise

    def _running(self, pod: Object) -> Object:
        self._addresses += 1
        now = time_of(self._clock.now())
        ready = [
            {"type": type, "status": "True", "lastTransitionTime": now}
            for type in ("Initialized", "ContainersReady", "Ready")
        ]
        return {
            **pod["status"],
            "phase": "Running",
            "podIP": f"10.244.0.{self._addresses}",
            "startTime": now,
            "conditions": [*pod["status"].get("conditions", ()), *ready],
            "containerStatuses": [
                {
                    "name": item["name"],
                    "image": item["image"],
                    "imageID": f"{item['image']}@sha256:{'0' * 64}",
                    "ready": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": now}},
                }
                for item in pod["spec"]["containers"]
            ],
        }

    def _node(self) -> Object:
        now = time_of(self._clock.now())
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "", "lastTransitionTime": now}
        amounts = {"cpu": "2", "memory": "4Gi", "pods": "110"}
        return {
            "metadata": {"name": NAME, "labels": {"kubernetes.io/hostname": NAME}},
            "status": {
                "capacity": amounts,
                "allocatable": amounts,
                "conditions": [ready],
                "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}],
                "nodeInfo": {"kubeletVersion": "v1.36.2", "osImage": "Paper"},
            },
        }

    async def logs(self, namespace: str, pod: str, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        if options.previous:
            message = f'previous terminated container "{container}" in pod "{pod}" not found'
            raise ApiError(400, "BadRequest", message)
        for number in range(3)[-options.tail_lines :] if options.tail_lines else range(3):
            yield f"{container} says {number}\n".encode()
        count = 0
        while options.follow and count < 3:
            await asyncio.sleep(0.05)
            count += 1
            yield f"{container} goes on {count}\n".encode()

    async def usage(self) -> Sequence[PodUsage]:
        pods = (await self._api.list("pods")).items
        return [
            PodUsage(
                namespace=pod["metadata"]["namespace"],
                pod=pod["metadata"]["name"],
                timestamp=self._clock.now(),
                window_s=15.0,
                containers=tuple(
                    ContainerUsage(item["name"], 12_000_000, 30 * 1024 * 1024) for item in pod["spec"]["containers"]
                ),
            )
            for pod in pods
            if pod["spec"].get("nodeName") == NAME
        ]

    async def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], options: StreamOptions
    ) -> PaperProcess:
        if command[0] not in ("echo", "cat", "fail"):
            message = f'exec failed: unable to start container process: exec: "{command[0]}": executable file not found'
            raise ApiError(500, "InternalError", message)
        return self._started(PaperProcess(command, options))

    async def attach(self, namespace: str, pod: str, container: str, options: StreamOptions) -> PaperProcess:
        return self._started(PaperProcess(["cat"], options))

    def _started(self, process: PaperProcess) -> PaperProcess:
        self.processes.append(process)
        return process

    async def port_forward(self, namespace: str, pod: str, port: int) -> PaperConnection:
        if port != 80:
            raise ConnectionRefusedError(111, "Connection refused")
        self.connections.append(PaperConnection())
        return self.connections[-1]

"""A whole small cluster in this process: our API server's objects and controllers, a real edge proxy, real pods."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from drillyard.base.clock import SystemClock
from drillyard.base.spawner import Spawner
from drillyard.cluster.apiserver.server import ApiServer
from drillyard.cluster.client import Api, ApiError, LogOptions
from drillyard.cluster.controllers.run import run_controllers
from drillyard.cluster.kubelet.images import TOOLS, Image
from drillyard.cluster.kubelet.kubelet import Kubelet
from drillyard.cluster.kubelet.settings import NodeSettings
from drillyard.cluster.network.service_network import ServiceNetwork

HERE = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))
IMAGES = [
    Image("web", entry="node_entries:web"),
    Image("crash", entry="node_entries:crash"),
    Image("talk", entry="node_entries:talk"),
    Image("stubborn", entry="node_entries:stubborn"),
    Image("hog", entry="node_entries:hog"),
    Image("spin", entry="node_entries:spin"),
    Image("busybox", args=("sh",)),
    Image("curl", args=("sh",), tools=(*TOOLS, "curl")),
]


class Tokens:
    """A token for everybody."""

    async def token(self, pod: dict[str, Any], source: Mapping[str, Any]) -> str:
        return f"token of {pod['metadata']['namespace']}/{pod['spec'].get('serviceAccountName', 'default')}"


class Cluster:
    """What the tests do with it."""

    def __init__(self, api: Api, node: Kubelet, network: ServiceNetwork, folder: Path) -> None:
        self.api, self.node, self.network, self.folder = api, node, network, folder

    async def run_pod(self, name: str, image: str, **container: Any) -> dict[str, Any]:
        """Creates a pod of one container; `spec` and `metadata` may be added."""
        spec, metadata = container.pop("spec", {}), container.pop("metadata", {})
        body = {
            "metadata": {"name": name, **metadata},
            "spec": {
                "terminationGracePeriodSeconds": 2,
                "containers": [{"name": "main", "image": image, "imagePullPolicy": "IfNotPresent", **container}],
                **spec,
            },
        }
        return await self.api.create("pods", "default", body)

    async def pod_when(
        self, name: str, condition: Callable[[dict[str, Any]], object], timeout_s: float = 10
    ) -> dict[str, Any]:
        """The pod once the condition holds."""
        found: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout_s):
                async for event in self.api.watch("pods", "default", fields=f"metadata.name={name}"):
                    found = event.object
                    with contextlib.suppress(KeyError, IndexError, TypeError):
                        if condition(found):
                            return found
        except TimeoutError:
            raise AssertionError(f"pod {name} never got there; it is {found.get('status')}") from None
        raise AssertionError("the watch ended")

    async def gone(self, name: str, timeout_s: float = 10) -> None:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    await self.api.get("pods", "default", name)
                except ApiError as refused:
                    assert refused.status == 404
                    return
                await asyncio.sleep(0.01)

    async def logs(self, name: str, **options: Any) -> str:
        pieces = [piece async for piece in self.node.logs("default", name, "main", LogOptions(**options))]
        return b"".join(pieces).decode()

    async def says(self, name: str, text: str, timeout_s: float = 10) -> None:
        """Waits until the container's log has the text."""
        async with asyncio.timeout(timeout_s):
            while True:
                with contextlib.suppress(ApiError):
                    if text in await self.logs(name):
                        return
                await asyncio.sleep(0.01)

    async def events(self, name: str) -> list[tuple[str, str]]:
        listed = await self.api.list("events", "default", fields=f"involvedObject.name={name}")
        return [(event["reason"], event["message"]) for event in listed.items]


def is_ready(pod: dict[str, Any]) -> bool:
    return any(item["type"] == "Ready" and item["status"] == "True" for item in pod["status"]["conditions"])


def main_status(pod: dict[str, Any]) -> dict[str, Any]:
    status: dict[str, Any] = pod["status"]["containerStatuses"][0]
    return status


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    server = ApiServer(tokens={}, clock=SystemClock(), seed=1)
    controllers = asyncio.create_task(run_controllers(server.api("controllers"), SystemClock(), ca_pem="the CA\n"))
    spawner = Spawner(
        preload=["node_entries", "drillyard.cluster.network.proxy"], env={**os.environ, "PYTHONPATH": HERE}
    )
    try:
        async with spawner:
            network = ServiceNetwork(
                server.api("network"), spawner, folder=tmp_path / "network", ports=range(21400, 21900)
            )
            await network.start()
            settings = NodeSettings(folder=tmp_path / "node", name="node-1", deleted_log_keep_s=0.2)
            node = Kubelet(server.api("kubelet"), spawner, network, IMAGES, settings, tokens=Tokens())
            async with node:
                yield Cluster(server.api("test"), node, network, tmp_path)
            await network.stop()
    finally:
        controllers.cancel()
        await asyncio.gather(controllers, return_exceptions=True)
        await server.stop()

"""The node knows the API server by its HTTP API alone: so it works with any, and lives through its absence."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from drillyard.base.clock import SystemClock
from drillyard.base.spawner import Spawner
from drillyard.cluster.apiserver.auth import MASTERS, User
from drillyard.cluster.apiserver.server import ApiServer
from drillyard.cluster.controllers.run import run_controllers
from drillyard.cluster.http_api import HttpApi
from drillyard.cluster.kubelet.kubelet import Kubelet
from drillyard.cluster.kubelet.settings import NodeSettings
from drillyard.cluster.network.service_network import ServiceNetwork

from .conftest import HERE, IMAGES, Cluster, is_ready, main_status
from .test_pods import WEB, _get, _process


async def test_a_node_joins_over_http_and_its_pods_outlive_the_server(tmp_path: Path) -> None:
    server = ApiServer(tokens={"secret": User("node", (MASTERS,))}, clock=SystemClock(), seed=1)
    url = f"http://127.0.0.1:{await server.start()}"
    controllers = asyncio.create_task(run_controllers(server.api("controllers"), SystemClock()))
    spawner = Spawner(preload=["node_entries"], env={**os.environ, "PYTHONPATH": HERE})
    try:
        async with spawner, HttpApi(url, token="secret", timeout_s=2) as api:
            network = ServiceNetwork(api, spawner, folder=tmp_path / "network", ports=range(21900, 22000))
            await network.start()
            settings = NodeSettings(folder=tmp_path / "node", name="node-1", heartbeat_s=0.2)
            async with Kubelet(api, spawner, network, IMAGES, settings) as node:
                cluster = Cluster(server.api("test"), node, network, tmp_path)
                selector = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
                await cluster.api.create("services", "default", {"metadata": {"name": "web"}, "spec": selector})
                await cluster.run_pod("web", "web", metadata={"labels": {"app": "web"}}, **WEB)
                pod = await cluster.pod_when("web", is_ready)
                assert main_status(pod)["restartCount"] == 0
                address = network.addresses()["default/web:80"]
                async with asyncio.timeout(5):
                    seen = await _answer(address)
                controllers.cancel()
                await server.stop()
                process = await _process("default/web main")
                process.kill()
                async with asyncio.timeout(15):
                    while (again := await _answer(address))["pid"] == seen["pid"]:
                        await asyncio.sleep(0.02)
                assert again["env"]["HOSTNAME"] == "web"
            await network.stop()
    finally:
        controllers.cancel()
        await asyncio.gather(controllers, return_exceptions=True)
        await server.stop()


async def _answer(address: str) -> dict[str, object]:
    while True:
        try:
            return await _get(address)
        except (OSError, ValueError):
            await asyncio.sleep(0.02)

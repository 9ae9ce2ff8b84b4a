"""A cluster's objects in this process, and a real edge proxy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from drillyard.base.clock import SystemClock
from drillyard.base.spawner import Spawner
from drillyard.cluster.apiserver.server import ApiServer
from drillyard.cluster.client import Api
from drillyard.cluster.network.service_network import ServiceNetwork


class Shop:
    """What a test can do to the cluster."""

    def __init__(self, api: Api, network: ServiceNetwork) -> None:
        self.api, self.network = api, network
        self._servers: list[asyncio.Server] = []

    async def service(self, name: str, port: int, target: int) -> None:
        body = {"metadata": {"name": name}, "spec": {"ports": [{"port": port, "targetPort": target}]}}
        await self.api.create("services", "default", body)

    async def endpoints(self, service: str, port: int, *addresses: str) -> None:
        """Makes these the ready endpoints, and waits until the network knows."""
        body: dict[str, Any] = {
            "metadata": {"name": f"{service}-x", "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
            "ports": [{"name": "", "port": port, "protocol": "TCP"}],
        }
        with contextlib.suppress(Exception):
            await self.api.delete("endpointslices", "default", f"{service}-x")
        if addresses:
            await self.api.create("endpointslices", "default", body)
        await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        await self.network.settle()

    async def serve(self, port: int, name: bytes) -> asyncio.Server:
        """A pod's server: answers every line with its name and the line."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while line := await reader.readline():
                    writer.write(name + b" " + line)
                    await writer.drain()
                writer.write(b"bye\n")
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", port, limit=1 << 24)
        self._servers.append(server)
        return server

    def close(self) -> None:
        for server in self._servers:
            server.close()


def pod(name: str, uid: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default", "uid": uid}}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    server = ApiServer(tokens={}, clock=SystemClock(), seed=1)
    async with Spawner(preload=["drillyard.cluster.network.proxy"]) as spawner:
        network = ServiceNetwork(
            server.api("network"), spawner, folder=tmp_path / "net", ports=range(21000, 21400), api_server_port=6443
        )
        await network.start()
        running = Shop(server.api("test"), network)
        try:
            yield running
        finally:
            running.close()
            await network.stop()
            await server.stop()

"""
A port of this machine that leads to a Service of any cluster, through its API server: `kubectl port-forward`.

One WebSocket a connection (`v4.channel.k8s.io`, which kube-apiserver and kubelet serve beside SPDY): channel 0 carries
the bytes, channel 1 an error's text, and the first frame of each names the port. The protocol has no half close. The
pod is chosen anew for each connection, so a pod that was replaced is not asked for ever; without a ready pod the
connection is reset.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import aiohttp

from drillyard.cluster.client import ApiError
from drillyard.cluster.http_api import HttpApi

_log = logging.getLogger(__name__)
_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_CHUNK = 64 * 1024


class PortForward:
    """From 127.0.0.1:(any free port) to one port of a Service. `start` and `stop` it."""

    def __init__(self, api: HttpApi, namespace: str, service: str, port: int) -> None:
        self._api, self._namespace, self._service, self._port = api, namespace, service, port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Returns the address, `127.0.0.1:PORT`."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def stop(self) -> None:
        """Closes the port and what still flows through it. Harmless twice."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Own tasks, not the server's: those would not be waited for at the end.
        task = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            pod, port = await self._backend()
            path = f"/api/v1/namespaces/{self._namespace}/pods/{pod}/portforward"
            async with await self._api.websocket(path, query={"ports": str(port)}, protocol=_PROTOCOL) as stream:
                sending = asyncio.ensure_future(_send(reader, stream))
                try:
                    await _receive(stream, writer)
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
            await writer.drain()
        except (ApiError, OSError) as lost:
            _log.debug("%s/%s:%d: %s", self._namespace, self._service, self._port, lost)
            writer.transport.abort()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _backend(self) -> tuple[str, int]:
        """Pod and container port behind the Service. Raises ApiError, or ConnectionError when none is ready."""
        service = await self._api.get("services", self._namespace, self._service)
        names = {port["port"]: port.get("name") for port in service["spec"].get("ports") or ()}
        endpoints = await self._api.get("endpoints", self._namespace, self._service)
        for subset in endpoints.get("subsets") or ():
            numbers = [one["port"] for one in subset.get("ports") or () if one.get("name") == names.get(self._port)]
            for address in subset.get("addresses") or ():
                target: dict[str, Any] = address.get("targetRef") or {}
                if numbers and target.get("kind") == "Pod":
                    return target["name"], numbers[0]
        raise ConnectionRefusedError(f"no ready pod is behind {self._namespace}/{self._service}:{self._port}")


async def _send(reader: asyncio.StreamReader, stream: aiohttp.ClientWebSocketResponse) -> None:
    while data := await reader.read(_CHUNK):
        await stream.send_bytes(bytes((_DATA,)) + data)
    await stream.close()


async def _receive(stream: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter) -> None:
    """Raises ConnectionError when the cluster says that the pod cannot be reached."""
    greeted: set[int] = set()
    async for message in stream:
        if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel not in greeted:  # Two bytes: the port.
            greeted.add(channel)
            data = data[2:]
        if channel == _ERROR and data:
            raise ConnectionError(data.decode(errors="replace").strip())
        if channel == _DATA and data:
            writer.write(data)
            await writer.drain()

"""
Numbered channels, as exec, attach and port-forward use them, and how they travel over one WebSocket.

Every message (apimachinery's `wsstream`) begins with the number of its channel. Which form it has, the subprotocol
says: binary (`v5.channel.k8s.io`, `v4.…`, `channel.k8s.io` or none at all, as kr8s has it), or base64 text behind the
number's digit (`base64.channel.k8s.io`, `v4.base64.…`), as terminals in browsers have it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from aiohttp import WSMsgType, web

from drillyard.cluster.apiserver.status import bad_request

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
"""exec's and attach's; a message on CLOSE names the channel that ends."""

_MESSAGE_MAX = 4 * 1024 * 1024
_HEARTBEAT_S = 30.0


class Channels(Protocol):
    """The channels of one client."""

    protocol: str

    async def send(self, channel: int, data: bytes) -> None:
        """Raises ConnectionError when the client is gone."""

    def received(self) -> AsyncIterator[tuple[int, bytes]]:
        """Channel and data of each message, until the client is gone."""

    async def close(self) -> None:
        """Says good-bye. Harmless twice, and when the client is gone."""


def must_be_websocket(http: web.BaseRequest, protocols: tuple[str, ...]) -> None:
    """Raises ApiError 400 for a client that cannot speak what we speak. None offered is the oldest one."""
    if http.headers.get("Upgrade", "").lower() != "websocket":
        raise bad_request("Upgrade request required")
    offers = [item.strip() for item in http.headers.get("Sec-WebSocket-Protocol", "").split(",") if item.strip()]
    if offers and not set(protocols) & set(offers):
        raise bad_request(f"no common WebSocket protocol: this server speaks {', '.join(protocols)}")


async def accept(http: web.BaseRequest, protocols: tuple[str, ...]) -> web.WebSocketResponse:
    """Completes the handshake."""
    socket = web.WebSocketResponse(
        protocols=protocols, compress=False, max_msg_size=_MESSAGE_MAX, heartbeat=_HEARTBEAT_S, timeout=1.0
    )
    await socket.prepare(http)
    return socket


class WebSocketChannels:
    """Implements `Channels` on an accepted WebSocket."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self.protocol = socket.ws_protocol or "channel.k8s.io"
        self._base64 = "base64" in self.protocol

    async def send(self, channel: int, data: bytes) -> None:
        if self._base64:
            await self._socket.send_str(f"{channel}{base64.b64encode(data).decode()}")
        else:
            await self._socket.send_bytes(bytes([channel]) + data)

    async def received(self) -> AsyncIterator[tuple[int, bytes]]:
        """
        Nonsense is passed over.

        Whether a message says that it is text means nothing: the official Python client sends text as text.
        """
        async for message in self._socket:
            data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
            if not data:
                continue
            if not self._base64:
                yield data[0], data[1:]
                continue
            with contextlib.suppress(binascii.Error):
                yield data[0] - ord("0"), base64.b64decode(data[1:], validate=True)

    async def close(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._socket.close()

"""
A byte stream both ways, out of one HTTP request: inside a WebSocket, or instead of HTTP (`Upgrade: SPDY/3.1`).

The second is what kubectl before 1.31 and older Go clients ask for. aiohttp upgrades to WebSockets only; the seam by
which it does so, a parser in place of its own, takes any protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from drillyard.cluster.apiserver.status import bad_request
from drillyard.cluster.client import ApiError

_UPGRADE = "SPDY/3.1"
_VERSION_HEADER = "X-Stream-Protocol-Version"
_UNREAD_MAX_BYTES = 1 << 20
_GOOD_BYE_S = 1.0


class Pipe(Protocol):
    """Bytes both ways; where one message ends means nothing."""

    def received(self) -> AsyncIterator[bytes]:
        """What the client sends, until it is gone."""

    async def send(self, data: bytes) -> None:
        """Waits while the client does not read. Raises ConnectionError when it is gone."""

    async def close(self) -> None:
        """Harmless when the client is gone."""


class WebSocketPipe:
    """The binary messages of a WebSocket."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def received(self) -> AsyncIterator[bytes]:
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                yield message.data

    async def send(self, data: bytes) -> None:
        await self._socket.send_bytes(data)

    async def close(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._socket.close()


def asks_for_spdy(http: web.BaseRequest) -> bool:
    return http.headers.get("Upgrade", "").upper() == _UPGRADE


def spdy_protocol(http: web.BaseRequest, protocols: tuple[str, ...]) -> str:
    """The first protocol offered that is ours, too. Raises ApiError: 400 without an offer, 403 without a common one."""
    offers = [item.strip() for line in http.headers.getall(_VERSION_HEADER, []) for item in line.split(",")]
    if not any(offers):
        raise bad_request(f"unable to upgrade: {_VERSION_HEADER} header is required")
    for offer in offers:
        if offer in protocols:
            return offer
    known = f"client supports [{' '.join(offers)}], server accepts [{' '.join(protocols)}]"
    raise ApiError(403, "Forbidden", f"unable to upgrade: unable to negotiate protocol: {known}")


class SpdyPipe:
    """A connection that has been taken over from HTTP; `response` is what the handler returns in the end."""

    def __init__(self, http: web.BaseRequest, protocol: str) -> None:
        self.response = web.StreamResponse(
            status=101, headers={"Connection": "Upgrade", "Upgrade": _UPGRADE, _VERSION_HEADER: protocol}
        )
        self.response.force_close()
        self._http = http
        self._arrived = bytearray()
        self._more = asyncio.Event()
        self._ended = asyncio.Event()

    async def accept(self) -> None:
        """Completes the handshake. Raises ConnectionError when the client is gone."""
        self._http.protocol.set_parser(self)  # type: ignore[arg-type]
        await self.response.prepare(self._http)

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by aiohttp. What is not read in time is left to the kernel, and so to the client."""
        self._arrived += data
        if len(self._arrived) > _UNREAD_MAX_BYTES:
            self._transport_may("pause_reading")
        self._more.set()
        return False, b""

    def feed_eof(self) -> None:
        """Called by aiohttp: the client is gone."""
        self._ended.set()
        self._more.set()

    async def received(self) -> AsyncIterator[bytes]:
        while True:
            self._more.clear()
            if self._arrived:
                data = bytes(self._arrived)
                self._arrived.clear()
                self._transport_may("resume_reading")
                yield data
            elif self._ended.is_set():
                return
            else:
                await self._more.wait()

    async def send(self, data: bytes) -> None:
        await self.response.write(data)

    async def close(self) -> None:
        """Leaves the client a second to read to the end and go first: a reset would throw away what is under way."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOOD_BYE_S):
                await self._ended.wait()

    def _transport_may(self, what: str) -> None:
        transport: Any = self._http.transport
        if transport is not None:
            getattr(transport, what)()

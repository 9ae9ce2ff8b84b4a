"""
One edge of the service network: a listener for one (client, service, port), and what flows through it.

The listener exists only while the Service has a ready endpoint: without one the kernel refuses the connection, as it
does where kube-proxy says REJECT. Protocol to protocol, without streams in between: 25 µs a round trip. Closings travel
faithfully: an end of file stays half a close, and a reset stays a reset, in both directions.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from typing import Any

_log = logging.getLogger(__name__)
_LOOPBACK = "127.0.0.1"
_BACKLOG = 512
_CONNECT_TIMEOUT_S = 5.0
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST (socket(7)).

Backend = tuple[str, int]


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Ends a TCP connection with a reset, so that the other side sees ECONNRESET and not a quiet end."""
    if transport is None or not isinstance(transport, asyncio.Transport):
        return
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


class Edge:
    """Where one client reaches one port of one Service."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections: set[Inbound] = set()
        self._backends: list[Backend] = []
        self._turn = 0
        self._server: asyncio.Server | None = None

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def set_backends(self, backends: list[Backend]) -> None:
        """Opens or closes the listener as there are backends or not. Raises OSError when the port is taken."""
        self._backends = backends
        await self._open_or_close()

    async def _open_or_close(self) -> None:
        if self._backends and self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Inbound(self), _LOOPBACK, self.port, backlog=_BACKLOG
            )
        elif not self._backends and self._server is not None:
            self._server.close()
            self._server = None

    async def remove(self) -> None:
        """Closes the listener and resets what still flows: the client is gone, or the Service is."""
        await self.set_backends([])
        for inbound in list(self.connections):
            inbound.reset()

    async def connect(self, inbound: Inbound) -> Outbound | None:
        """A connection to the next backend that takes one; None when none does."""
        candidates = [self._backends[(self._turn + n) % len(self._backends)] for n in range(len(self._backends))]
        self._turn += 1
        for host, port in candidates:
            try:
                async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                    _, outbound = await asyncio.get_running_loop().create_connection(
                        lambda: Outbound(inbound), host, port
                    )
                    return outbound
            except (OSError, TimeoutError) as refused:
                _log.debug("backend %s:%d: %s", host, port, refused)
        return None


class _Half(asyncio.Protocol):
    """One side of a proxied connection; what it receives goes to its peer, at the pace at which that one takes it."""

    transport: asyncio.Transport | None = None
    peer: _Half | None = None

    def data_received(self, data: bytes) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.write(data)

    def eof_received(self) -> bool:
        peer = self.peer.transport if self.peer is not None else None
        if peer is not None and not peer.is_closing() and peer.can_write_eof():
            with contextlib.suppress(OSError):
                peer.write_eof()
        return True  # Half a close: the other direction may go on.

    def pause_writing(self) -> None:
        if self.peer is not None and self.peer.transport is not None:
            with contextlib.suppress(RuntimeError):
                self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None and self.peer.transport is not None:
            with contextlib.suppress(RuntimeError):
                self.peer.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        peer = self.peer.transport if self.peer is not None else None
        if peer is None:
            return
        if exc is not None:
            reset(peer)
        else:
            peer.close()


class Inbound(_Half):
    """The client's side."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.pause_reading()  # Until there is somebody to give it to.
        self._edge.connections.add(self)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def connection_lost(self, exc: Exception | None) -> None:
        self._edge.connections.discard(self)
        if self._connecting is not None:
            self._connecting.cancel()
        super().connection_lost(exc)

    def reset(self) -> None:
        """Ends both sides at once."""
        reset(self.transport)

    async def _connect(self) -> None:
        outbound = await self._edge.connect(self)
        if outbound is None:
            self.reset()
            return
        self.peer = outbound
        if self.transport is None:
            reset(outbound.transport)
        else:
            self.transport.resume_reading()


class Outbound(_Half):
    """The backend's side."""

    def __init__(self, inbound: Inbound) -> None:
        self.peer = inbound

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

"""
One edge of the service network: a listener for one (client, service, port), what flows through it, and what is wrong
there.

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
from random import Random
from typing import Any, cast

from drillyard.cluster.network.http_interceptor import HttpInterceptor
from drillyard.cluster.network.link_fault import HttpFault, Impairment
from drillyard.cluster.network.shaper import Shaper

_log = logging.getLogger(__name__)
_LOOPBACK = "127.0.0.1"
_BACKLOG = 512
_CONNECT_TIMEOUT_S = 5.0
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST (socket(7)).

Backend = tuple[str, int]


def reset(transport: asyncio.Transport | None) -> None:
    """Ends a TCP connection with a reset, so that the other side sees ECONNRESET and not a quiet end."""
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


class Edge:
    """Where one client reaches one port of one Service. `name` and the impairment's seed draw who is hit."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port
        self.connections: set[Inbound] = set()
        self.impairment: Impairment | None = None
        self.random = Random(name)
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

    async def impair(self, impairment: Impairment | None) -> None:
        """From now on this is wrong (None: nothing), for open connections too. Raises OSError like `set_backends`."""
        if impairment == self.impairment:
            return
        self.impairment = impairment
        self.random = Random(f"{impairment.seed}:{self.name}" if impairment else self.name)
        for inbound in list(self.connections):
            inbound.impair()
        await self._open_or_close()

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

    async def _open_or_close(self) -> None:
        wanted = bool(self._backends) and not (self.impairment is not None and self.impairment.refuse)
        if wanted and self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Inbound(self), _LOOPBACK, self.port, backlog=_BACKLOG
            )
        elif not wanted and self._server is not None:
            self._server.close()
            self._server = None


class _Half(asyncio.Protocol):
    """One side of a proxied connection. Its peer's writing pace is its reading pace."""

    transport: asyncio.Transport | None = None
    peer: _Half | None = None
    _holders = 0
    _ended = False

    def hold(self, on: bool) -> None:
        """Somebody (the peer's full buffer, a shaper) wants no more for now, or wants again."""
        self._holders += 1 if on else -1
        if self.transport is None:
            return
        with contextlib.suppress(RuntimeError):
            if self._holders > 0:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def write(self, data: bytes | None) -> None:
        """Sends on this side; None ends its sending direction."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if data is not None:
            transport.write(data)
            return
        self._ended = True
        if transport.can_write_eof():
            with contextlib.suppress(OSError):
                transport.write_eof()
        if self.peer is not None and self.peer._ended:  # Both directions are done: nothing else would close them.
            transport.close()
            if self.peer.transport is not None:
                self.peer.transport.close()

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.hold(True)

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.hold(False)


class Inbound(_Half):
    """The client's side; owns what may be wrong with the connection."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._connecting: asyncio.Task[None] | None = None
        random = edge.random
        self._requests = Shaper(self._to_service, self.hold, random, delays=False)
        self._answers = Shaper(self.write, self._hold_service, random, delays=True)
        self._http = HttpInterceptor(self._http_fault, self._requests.push, self._answers.push, self.reset, random)
        self._hit = False
        self._early: list[bytes | None] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclass of it.
        self.transport = transport
        self.hold(True)  # Until there is somebody to give it to.
        self._edge.connections.add(self)
        self.impair()
        if self.transport is not None and not transport.is_closing():
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def data_received(self, data: bytes) -> None:
        self._http.from_client(data)

    def eof_received(self) -> bool:
        self._requests.push(None)
        return True  # Half a close: the other direction may go on.

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._edge.connections.discard(self)
        if self._connecting is not None:
            self._connecting.cancel()
        self._requests.close()
        self._answers.close()
        if self.peer is not None and self.peer.transport is not None:
            if exc is not None:
                reset(self.peer.transport)
            else:
                self.peer.transport.close()

    def impair(self) -> None:
        """Takes over what the edge has; draws anew whether this connection is hit."""
        impairment = self._edge.impairment
        self._hit = impairment is not None and (
            impairment.share >= 1 or impairment.http is not None or self._edge.random.random() < impairment.share
        )
        chosen = impairment if self._hit else None
        if chosen is not None and (chosen.reset or chosen.refuse):
            self.reset()
            return
        shaping = chosen is not None and (
            chosen.stall or chosen.latency_ms > 0 or chosen.jitter_ms > 0 or chosen.bandwidth_kbps > 0
        )
        self._requests.change(chosen if shaping else None)
        self._answers.change(chosen if shaping else None)

    def reset(self) -> None:
        """Ends both sides at once."""
        reset(self.transport)
        reset(self.peer.transport if self.peer is not None else None)

    # From the service's side

    def answered(self, data: bytes) -> None:
        self._http.from_service(data)

    def service_ended(self) -> None:
        if not self._http.service_ended():
            self._answers.push(None)

    def service_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            reset(self.transport)
        elif self.transport is not None:
            self.transport.close()

    def _to_service(self, data: bytes | None) -> None:
        if self.peer is not None:
            self.peer.write(data)
        else:
            # Up to Python 3.11.3 a pause in connection_made is lost: the reader is added after it. What came is kept.
            self._early.append(data)

    def _hold_service(self, on: bool) -> None:
        if self.peer is not None:
            self.peer.hold(on)

    def _http_fault(self) -> tuple[HttpFault, float] | None:
        impairment = self._edge.impairment
        return (impairment.http, impairment.share) if impairment is not None and impairment.http is not None else None

    async def _connect(self) -> None:
        outbound = await self._edge.connect(self)
        if outbound is None:
            self.reset()
            return
        self.peer = outbound
        if self.transport is None:
            reset(outbound.transport)
            return
        for data in self._early:
            outbound.write(data)
        self._early.clear()
        self.hold(False)


class Outbound(_Half):
    """The backend's side."""

    def __init__(self, inbound: Inbound) -> None:
        self.peer = self._inbound = inbound

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._inbound.answered(data)

    def eof_received(self) -> bool:
        self._inbound.service_ended()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._inbound.service_lost(exc)

"""
Port-forward, in the two forms that clients speak.

kubectl sends SPDY frames, inside a WebSocket (`SPDY/3.1+portforward.k8s.io`) or over an upgraded connection: for each
TCP connection a stream for data and one for an error text. Other clients name their ports in the query of a WebSocket
and get two channels for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable

from aiohttp import web

from drillyard.cluster.apiserver.streams.channels import Channels, WebSocketChannels
from drillyard.cluster.apiserver.streams.pipe import Pipe, WebSocketPipe
from drillyard.cluster.apiserver.streams.spdy import (
    Codec,
    Data,
    GoAway,
    OpenStream,
    Ping,
    Reset,
    SpdyError,
)
from drillyard.cluster.client import ApiError, TcpConnection

TUNNEL = "SPDY/3.1+portforward.k8s.io"
PROTOCOLS = (
    TUNNEL,
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
    "portforward.k8s.io",
)
SPDY_PROTOCOLS = ("portforward.k8s.io",)
_STREAMS_MAX = 1_000
_WAITING_MAX = 64

Connect = Callable[[int], Awaitable[TcpConnection]]
Send = Callable[[bytes], Awaitable[None]]


async def serve_forwarding(socket: web.WebSocketResponse, ports: list[int], connect: Connect) -> None:
    """Carries connections until the client closes."""
    if socket.ws_protocol == TUNNEL:
        await serve_tunnel(WebSocketPipe(socket), connect)
    else:
        await _serve_channels(WebSocketChannels(socket), ports, connect)


async def serve_tunnel(pipe: Pipe, connect: Connect) -> None:
    """Carries kubectl's connections until it closes."""
    await _Tunnel(pipe, connect).run()


async def _copy_in(waiting: asyncio.Queue[bytes | None], connection: TcpConnection) -> None:
    """From the client into the pod, until None says that there is no more."""
    while (data := await waiting.get()) is not None:
        await connection.write(data)
    await connection.write_eof()


def _refusal(port: int, problem: BaseException) -> bytes:
    text = problem.message if isinstance(problem, ApiError) else str(problem)
    return f"an error occurred forwarding to port {port} of the pod: {text}".encode()


class _Tunnel:
    """All connections of one `kubectl port-forward`."""

    def __init__(self, pipe: Pipe, connect: Connect) -> None:
        self._pipe, self._connect = pipe, connect
        self._codec = Codec()
        self._errors: dict[str, int] = {}  # request id → its error stream
        self._waiting: dict[int, asyncio.Queue[bytes | None]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        try:
            async for data in self._pipe.received():
                for frame in self._codec.feed(data):
                    if isinstance(frame, GoAway):
                        return
                    await self._handle(frame)
        except (SpdyError, ConnectionError):
            pass  # The client talks nonsense, or is gone: either way this tunnel is over.
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self._pipe.close()

    async def _handle(self, frame: OpenStream | Data | Reset | Ping) -> None:
        match frame:
            case OpenStream():
                await self._open(frame)
            case Data():
                waiting = self._waiting.get(frame.stream)
                if waiting is not None:
                    if frame.data:
                        await waiting.put(frame.data)
                    if frame.fin:
                        await waiting.put(None)
            case Reset():
                if (task := self._tasks.get(frame.stream)) is not None:
                    task.cancel()
            case Ping():
                await self._pipe.send(self._codec.ping(frame.number))

    async def _open(self, frame: OpenStream) -> None:
        kind, request = frame.headers.get("streamtype", ""), frame.headers.get("requestid", "")
        port = frame.headers.get("port", "")
        if len(self._tasks) >= _STREAMS_MAX or kind not in ("error", "data") or not port.isdecimal():
            await self._pipe.send(self._codec.reset(frame.stream))
            return
        await self._pipe.send(self._codec.reply(frame.stream))
        if kind == "error":
            self._errors[request] = frame.stream
            return
        waiting: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING_MAX)
        self._waiting[frame.stream] = waiting
        error = self._errors.pop(request, 0)
        task = asyncio.ensure_future(self._forward(frame.stream, error, int(port), waiting))
        self._tasks[frame.stream] = task
        task.add_done_callback(lambda _: self._forget(frame.stream))

    def _forget(self, stream: int) -> None:
        self._tasks.pop(stream, None)
        self._waiting.pop(stream, None)

    async def _forward(self, stream: int, error: int, port: int, waiting: asyncio.Queue[bytes | None]) -> None:
        try:
            connection = await self._connect(port)
        except (OSError, ApiError) as refused:
            if error:
                await self._pipe.send(self._codec.data(error, _refusal(port, refused), fin=True))
            await self._pipe.send(self._codec.data(stream, b"", fin=True))
            return
        inward = asyncio.ensure_future(_copy_in(waiting, connection))
        try:
            while data := await connection.read():
                await self._pipe.send(self._codec.data(stream, data))
            await self._pipe.send(self._codec.data(stream, b"", fin=True))
            if error:
                await self._pipe.send(self._codec.data(error, b"", fin=True))
        except OSError:
            with contextlib.suppress(ConnectionError):
                await self._pipe.send(self._codec.reset(stream))
        finally:
            inward.cancel()
            await asyncio.gather(inward, return_exceptions=True)
            await connection.close()


async def _serve_channels(channels: Channels, ports: list[int], connect: Connect) -> None:
    """Channel 2i carries the data of the i-th port, 2i+1 its error text; the first message on each names the port."""
    waiting: list[asyncio.Queue[bytes | None]] = [asyncio.Queue(_WAITING_MAX) for _ in ports]
    for index, port in enumerate(ports):
        for channel in (2 * index, 2 * index + 1):
            await channels.send(channel, struct.pack("<H", port))
    tasks = [
        asyncio.ensure_future(_forward_channel(channels, index, port, waiting[index], connect))
        for index, port in enumerate(ports)
    ]
    try:
        async for channel, data in channels.received():
            index, is_error = divmod(channel, 2)
            if not is_error and index < len(ports) and not tasks[index].done():
                await waiting[index].put(data)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await channels.close()


async def _forward_channel(
    channels: Channels, index: int, port: int, waiting: asyncio.Queue[bytes | None], connect: Connect
) -> None:
    try:
        connection = await connect(port)
    except (OSError, ApiError) as refused:
        await channels.send(2 * index + 1, _refusal(port, refused))
        await channels.close()
        return
    inward = asyncio.ensure_future(_copy_in(waiting, connection))
    try:
        while data := await connection.read():
            await channels.send(2 * index, data)
        await channels.close()
    finally:
        inward.cancel()
        await asyncio.gather(inward, return_exceptions=True)
        await connection.close()

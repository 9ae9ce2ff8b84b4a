"""
An AMQP 0-9-1 client that costs next to nothing, so that what is measured is the broker.

One connection, one channel, one durable queue, messages of one size: their frames are made once. (Through aio-pika a
message cost the client so much that every broker came out alike.) A question waits for its answer; publishing and
consuming keep `window` messages under way.
"""

from __future__ import annotations

import asyncio
import struct
import uuid
from typing import Self
from urllib.parse import unquote, urlsplit

from pamqp import commands, frame
from pamqp.body import ContentBody
from pamqp.header import ContentHeader, ProtocolHeader

_CHANNEL = 1
_FRAME_MAX = 131072
_HEAD = struct.Struct(">BHI")
_BASIC_ACK, _BASIC_DELIVER = b"\x00\x3c\x00\x50", b"\x00\x3c\x00\x3c"
_METHOD = 1


class AmqpClient(asyncio.Protocol):
    """Use as an async context manager, which deletes the queue at the end. Raises ConnectionError when it is cut."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._queue = f"bench-{uuid.uuid4().hex}"
        self._buffer = b""
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._done: asyncio.Future[None] | None = None
        self._unconfirmed: set[int] = set()
        self._left = self._sent = self._window = 0
        self._published = b""
        self._closed = False
        self._transport: asyncio.Transport

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        host, port = self._url.hostname or "127.0.0.1", self._url.port or 5672
        self._transport, _ = await loop.create_connection(lambda: self, host, port)
        user, password = unquote(self._url.username or "guest"), unquote(self._url.password or "guest")
        self._transport.write(ProtocolHeader().marshal())
        await self._answered()
        plain = commands.Connection.StartOk({}, "PLAIN", f"\0{user}\0{password}", "en_US")
        await self._ask(plain, channel=0)
        self._send(commands.Connection.TuneOk(_CHANNEL, _FRAME_MAX, 0), channel=0)
        await self._ask(commands.Connection.Open(unquote(self._url.path[1:]) or "/"), channel=0)
        await self._ask(commands.Channel.Open())
        await self._ask(commands.Confirm.Select())
        await self._ask(commands.Queue.Declare(queue=self._queue, durable=True))
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._transport.is_closing():
            await self._ask(commands.Queue.Delete(queue=self._queue))
            await self._ask(commands.Connection.Close(200, "done", 0, 0), channel=0)
            self._closed = True
            self._transport.close()

    async def publish(self, count: int, body: bytes, window: int) -> None:
        """Publishes persistent messages; every one is confirmed when this ends."""
        header = ContentHeader(body_size=len(body), properties=commands.Basic.Properties(delivery_mode=2))
        parts = (commands.Basic.Publish(routing_key=self._queue), header, ContentBody(body))
        self._published = b"".join(frame.marshal(part, _CHANNEL) for part in parts)
        self._left, self._window, self._done = count, window, asyncio.get_running_loop().create_future()
        self._publish_more()
        await self._done

    async def consume(self, count: int, window: int) -> None:
        """Takes messages and acks each by itself; the broker has read every ack when this ends."""
        await self._ask(commands.Basic.Qos(prefetch_count=window))
        self._left, self._done = count, asyncio.get_running_loop().create_future()
        self._send(commands.Basic.Consume(queue=self._queue, consumer_tag="bench", nowait=True))
        await self._done
        await self._ask(commands.Basic.Cancel("bench"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        at, acks = 0, []
        while len(self._buffer) - at >= _HEAD.size:
            kind, _, size = _HEAD.unpack_from(self._buffer, at)
            end = at + _HEAD.size + size + 1
            if end > len(self._buffer):
                break
            method = self._buffer[at + _HEAD.size : at + _HEAD.size + 4] if kind == _METHOD else b""
            if method == _BASIC_ACK:
                self._confirmed(*struct.unpack_from(">Q?", self._buffer, at + _HEAD.size + 4))
            elif method == _BASIC_DELIVER:
                tag_at = at + _HEAD.size + 5 + self._buffer[at + _HEAD.size + 4]
                acks.append(
                    _HEAD.pack(_METHOD, _CHANNEL, 13) + _BASIC_ACK + self._buffer[tag_at : tag_at + 8] + b"\0\xce"
                )
            elif method:
                self._answer.set_result(method)
            at = end
        self._buffer = self._buffer[at:]
        if acks:
            self._transport.write(b"".join(acks))
            self._count(len(acks))
        self._publish_more()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._closed:
            return
        problem = exc or ConnectionError("the broker ended the connection")
        for waiting in (self._answer, self._done):
            if waiting is not None and not waiting.done():
                waiting.set_exception(problem)

    def _publish_more(self) -> None:
        room = min(self._window - len(self._unconfirmed), self._left - len(self._unconfirmed))
        if room > 0:
            self._unconfirmed.update(range(self._sent + 1, self._sent + room + 1))
            self._sent += room
            self._transport.write(self._published * room)

    def _confirmed(self, tag: int, multiple: bool) -> None:
        these = {one for one in self._unconfirmed if one <= tag} if multiple else {tag}
        self._unconfirmed -= these
        self._count(len(these))

    def _count(self, done: int) -> None:
        self._left -= done
        if self._left == 0 and self._done is not None and not self._done.done():
            self._window = 0
            self._done.set_result(None)

    async def _ask(self, method: commands.base.Frame, channel: int = _CHANNEL) -> None:
        self._send(method, channel)
        await self._answered()

    def _send(self, method: commands.base.Frame, channel: int = _CHANNEL) -> None:
        self._transport.write(frame.marshal(method, channel))

    async def _answered(self) -> None:
        await self._answer
        self._answer = asyncio.get_running_loop().create_future()

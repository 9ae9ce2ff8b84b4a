"""
exec and attach over SPDY: a stream each for stdin, stdout, stderr, terminal size and how it ended, as channels.

The client opens every stream that it asked for before anything flows, and its name stands in the header `streamtype`
(client-go, `tools/remotecommand`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from drillyard.cluster.apiserver.streams.channels import CLOSE, ERROR, RESIZE, STDERR, STDIN, STDOUT
from drillyard.cluster.apiserver.streams.pipe import SpdyPipe
from drillyard.cluster.apiserver.streams.spdy import Codec, Data, GoAway, OpenStream, Ping, SpdyError
from drillyard.cluster.client import StreamOptions

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_CHANNELS = {"stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "error": ERROR, "resize": RESIZE}
_OPENING_S = 30.0  # A kubelet's own patience.


class SpdyChannels:
    """The channels of one connection."""

    def __init__(self, pipe: SpdyPipe, protocol: str, options: StreamOptions) -> None:
        self.protocol = protocol
        self._pipe, self._codec = pipe, Codec()
        asked = {"stdin": options.stdin, "stdout": options.stdout, "stderr": options.stderr, "resize": options.tty}
        self._missing = {"error", *(name for name, wanted in asked.items() if wanted)}
        self._channel_of: dict[int, int] = {}
        self._stream_of: dict[int, int] = {}
        self._early: list[Data | OpenStream] = []
        self._frames = self._read()

    async def open(self) -> None:
        """Waits for the client's streams. Raises ConnectionError when they do not come."""
        try:
            async with asyncio.timeout(_OPENING_S):
                while self._missing:
                    self._early.append(await anext(self._frames))
        except (TimeoutError, StopAsyncIteration) as late:
            raise ConnectionAbortedError(f"the client did not open {', '.join(sorted(self._missing))}") from late

    async def send(self, channel: int, data: bytes) -> None:
        """Raises ConnectionError when the client is gone. A stream that nobody opened takes everything."""
        if data and (stream := self._stream_of.get(channel)) is not None:
            await self._pipe.send(self._codec.data(stream, data))

    async def received(self) -> AsyncIterator[tuple[int, bytes]]:
        """Channel and data, until the client is gone. The end of stdin is told as in v5 over WebSocket."""
        while True:
            try:
                frame = self._early.pop(0) if self._early else await anext(self._frames)
            except StopAsyncIteration:
                return
            if not isinstance(frame, Data) or (channel := self._channel_of.get(frame.stream)) is None:
                continue
            if frame.data:
                yield channel, frame.data
            if frame.fin and channel == STDIN:
                yield CLOSE, bytes([STDIN])

    async def close(self) -> None:
        """Ends every stream, then the connection. Harmless twice, and when the client is gone."""
        with contextlib.suppress(ConnectionError):
            for stream in self._stream_of.values():
                await self._pipe.send(self._codec.data(stream, b"", fin=True))
        self._stream_of.clear()
        await self._pipe.close()

    async def _read(self) -> AsyncIterator[Data | OpenStream]:
        try:
            async for data in self._pipe.received():
                for frame in self._codec.feed(data):
                    match frame:
                        case GoAway():
                            return
                        case Ping():
                            await self._pipe.send(self._codec.ping(frame.number))
                        case OpenStream():
                            await self._opened(frame)
                            yield frame
                        case Data():
                            yield frame
        except (SpdyError, ConnectionError):
            return  # The client talks nonsense, or is gone: either way this session is over.

    async def _opened(self, frame: OpenStream) -> None:
        name = frame.headers.get("streamtype", "")
        if name not in self._missing:
            await self._pipe.send(self._codec.reset(frame.stream))
            return
        self._missing.discard(name)
        channel = _CHANNELS[name]
        self._channel_of[frame.stream], self._stream_of[channel] = channel, frame.stream
        await self._pipe.send(self._codec.reply(frame.stream))

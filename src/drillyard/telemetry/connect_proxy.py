"""
A proxy for clients whose host is fixed to Datadog's: CONNECT to any Datadog name ends at our own TLS listener.

`HTTPS_PROXY=http://127.0.0.1:PORT` and trust in the yard's CA (`SSL_CERT_FILE`) are all that such a client needs.
Every other host is refused: this is no way out of the yard.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from typing import Any

CONNECTIONS_MAX = 200
HEAD_BYTES_MAX = 8_192
HEAD_S = 10.0
_CONNECT = re.compile(rb"CONNECT ([A-Za-z0-9.-]+):443 HTTP/1\.[01]\r\n")
_SITES = (b"datadoghq.com", b"datadoghq.eu", b"ddog-gov.com")


async def serve_connect(listener: socket.socket, target: Any) -> None:
    """Serves until cancelled. `target` is the TLS listener's address."""
    proxy = _Proxy(target)
    server = await asyncio.start_server(proxy.handle, sock=listener, limit=HEAD_BYTES_MAX)
    try:
        await server.serve_forever()
    finally:
        server.close()
        proxy.close()


class _Proxy:
    def __init__(self, target: Any) -> None:
        self._target = target
        self._running: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        for task in self._running:
            task.cancel()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, from its CONNECT to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._tunnel(reader, writer)
        finally:
            self._running.discard(task)
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_S):
            head = await reader.readuntil(b"\r\n\r\n")
        asked = _CONNECT.match(head)
        if asked is None or not _is_datadog(asked[1].lower()) or len(self._running) > CONNECTIONS_MAX:
            text = b"This proxy leads to Datadog's API hosts only, by CONNECT host:443.\n"
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
            await writer.drain()
            return
        there, back = await asyncio.open_connection(*self._target[:2])
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, back))
                both.create_task(_pump(there, writer))
        except* OSError:
            pass
        finally:
            back.close()


def _is_datadog(host: bytes) -> bool:
    return any(host == site or host.endswith(b"." + site) for site in _SITES)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        sink.write(data)
        await sink.drain()
    with contextlib.suppress(OSError):
        sink.close()

"""
A TCP connection into a pod, as `kubectl port-forward` opens it: to the container port's loopback port.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os

_READ_BYTES = 64 * 1024
_CONNECT_TIMEOUT_S = 5.0


class PodConnection:
    """Implements `TcpConnection`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @staticmethod
    async def open(loopback: int | None) -> PodConnection:
        """Raises OSError; refused, too, for None: a port that the pod does not have."""
        if loopback is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            return PodConnection(*await asyncio.open_connection("127.0.0.1", loopback))

    async def read(self) -> bytes:
        return await self._reader.read(_READ_BYTES)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def write_eof(self) -> None:
        if self._writer.can_write_eof() and not self._writer.is_closing():
            with contextlib.suppress(OSError):
                self._writer.write_eof()

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

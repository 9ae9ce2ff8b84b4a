"""
What a paper node "runs" for exec, attach and port-forward: a few commands that do what their name says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Literal

from drillyard.cluster.client import StreamOptions

Chunk = tuple[Literal["stdout", "stderr"], bytes]


class PaperProcess:
    """`echo …`, `cat` (stdin to stdout until its end), `fail N` (both outputs, then exit code N)."""

    def __init__(self, command: Sequence[str], options: StreamOptions) -> None:
        self.command, self.options = list(command), options
        self.hung_up = False
        self.size: tuple[int, int] | None = None
        self._chunks: asyncio.Queue[Chunk | None] = asyncio.Queue()
        self._code = 0
        match self.command:
            case ["echo", *words]:
                self._chunks.put_nowait(("stdout", " ".join(words).encode() + b"\n"))
                self._chunks.put_nowait(None)
            case ["fail", code]:
                self._chunks.put_nowait(("stdout", b"out\n"))
                self._chunks.put_nowait(("stderr", b"err\n"))
                self._code = int(code)
                self._chunks.put_nowait(None)

    async def output(self) -> AsyncIterator[Chunk]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    async def write_stdin(self, data: bytes) -> None:
        self._chunks.put_nowait(("stdout", data))

    async def close_stdin(self) -> None:
        self._chunks.put_nowait(None)

    def resize(self, columns: int, rows: int) -> None:
        self.size = (columns, rows)

    async def exit_code(self) -> int:
        return self._code

    async def hang_up(self) -> None:
        self.hung_up = True
        self._chunks.put_nowait(None)


class PaperConnection:
    """An echo service: gives back what it is sent."""

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue(16)
        self.closed = False

    async def read(self) -> bytes:
        return await self._chunks.get()

    async def write(self, data: bytes) -> None:
        await self._chunks.put(data)

    async def write_eof(self) -> None:
        await self._chunks.put(b"")

    async def close(self) -> None:
        self.closed = True

"""
Joining a container's own first process, as `kubectl attach` and `kubectl run -it` do.

The container is never held up by who watches it: a client that falls 8 MiB behind is cut off.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

from drillyard.cluster.client import StreamOptions
from drillyard.cluster.kubelet.log_pump import Pump

_BEHIND_MAX_BYTES = 8 * 1024 * 1024

Stream = Literal["stdout", "stderr"]


class AttachSession:
    """Implements `ProcessSession`. `stdin_once`: the container's stdin ends with this session."""

    def __init__(self, pump: Pump, options: StreamOptions, *, stdin_once: bool) -> None:
        self._pump, self._options, self._stdin_once = pump, options, stdin_once
        self._chunks: asyncio.Queue[tuple[Stream, bytes] | None] = asyncio.Queue()
        self._behind = 0
        pump.listeners.append(self._hear)
        pump.ended.add_done_callback(self._end)

    async def output(self) -> AsyncIterator[tuple[Stream, bytes]]:
        """See `ProcessSession.output`."""
        while (chunk := await self._chunks.get()) is not None:
            self._behind -= len(chunk[1])
            yield chunk

    async def write_stdin(self, data: bytes) -> None:
        if self._options.stdin and self._pump.stdin is not None:
            await self._pump.stdin.write(data)

    async def close_stdin(self) -> None:
        if self._options.stdin and self._stdin_once and self._pump.stdin is not None:
            await self._pump.stdin.end()

    def resize(self, columns: int, rows: int) -> None:
        if self._pump.stdin is not None:
            self._pump.stdin.resize(columns, rows)

    async def exit_code(self) -> int:
        """
        0, however the container ends, as containerd's attach has it (internal/cri/server/container_attach.go).

        `kubectl run --rm -i` reads the code from the pod's status; to a failed attach it would print the log once more.
        """
        await asyncio.shield(self._pump.ended)
        return 0

    async def hang_up(self) -> None:
        """The container runs on, without its stdin where that was for one client only."""
        await self.close_stdin()
        self._leave()

    def _hear(self, stream: str, data: bytes) -> None:
        if not (self._options.stdout if stream == "stdout" else self._options.stderr):
            return
        self._behind += len(data)
        if self._behind > _BEHIND_MAX_BYTES:
            self._leave()
            return
        self._chunks.put_nowait(("stdout" if stream == "stdout" else "stderr", data))

    def _end(self, ended: asyncio.Future[int]) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._hear in self._pump.listeners:
            self._pump.listeners.remove(self._hear)
            self._chunks.put_nowait(None)

"""
Moves what containers print from their pipes into their logs: one pump for all, driven by the event loop.

A container that prints faster than the pump reads is held by its full pipe, as any program that prints into one is;
each turn takes at most 64 KiB, so that one talkative container does not starve the others or the API server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

from drillyard.cluster.kubelet.container_log import ContainerLog

_TURN_BYTES = 64 * 1024
_AFTER_EXIT_S = 1.0

Listener = Callable[[str, bytes], None]


class Pump:
    """The pipes of one run of one container. Give `write_ends` to the process, then close them with `started`."""

    def __init__(self, log: ContainerLog) -> None:
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._reading: dict[int, str] = {}
        self.write_ends: dict[str, int] = {}
        self.listeners: list[Listener] = []  # Those attached to the container.
        self._drained = asyncio.Event()
        for stream in ("stdout", "stderr"):
            read, write = os.pipe()
            self.add(stream, read)
            self.write_ends[stream] = write

    def add(self, stream: str, fd: int) -> None:
        """Reads one more descriptor, such as a terminal's, until its end; it is closed then."""
        os.set_blocking(fd, False)
        self._reading[fd] = stream
        self._loop.add_reader(fd, self._read, fd)

    def started(self) -> None:
        """The process has its ends: ours must go, or the pipes would never end."""
        for fd in self.write_ends.values():
            os.close(fd)
        self.write_ends = {}

    async def finish(self) -> None:
        """After the process has ended: waits for the rest, at most a second, and ends the log."""
        self.started()
        if self._reading:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AFTER_EXIT_S):
                    await self._drained.wait()
        self.close()

    def close(self) -> None:
        """Stops reading, whatever is left, and ends the log. Harmless twice."""
        self.started()
        for fd in list(self._reading):
            self._drop(fd)
        self._log.end()

    def _read(self, fd: int) -> None:
        try:
            data = os.read(fd, _TURN_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # A terminal whose other side is gone says EIO.
        if not data:
            self._drop(fd)
            return
        stream = self._reading[fd]
        self._log.write(stream, data)
        for listener in self.listeners:
            listener(stream, data)

    def _drop(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        del self._reading[fd]
        os.close(fd)
        if not self._reading:
            self._drained.set()

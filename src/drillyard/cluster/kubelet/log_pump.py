"""
Moves what containers print from their pipes into their logs: one pump for all, driven by the event loop.

A container that prints faster than the pump reads is held by its full pipe, as any program that prints into one is;
each turn takes at most 64 KiB, so that one talkative container does not starve the others or the API server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
from collections.abc import Callable

from drillyard.cluster.kubelet.container_log import ContainerLog
from drillyard.cluster.kubelet.stdin_pipe import StdinPipe

_TURN_BYTES = 64 * 1024
_AFTER_EXIT_S = 1.0

Listener = Callable[[str, bytes], None]


class Pump:
    """
    The streams of one run of one container. Give `child_ends` to the process, then close them with `started`.

    `listeners` are those attached to the container; `stdin` is None for a container without one; `ended` becomes the
    exit code once everything is in the log.
    """

    def __init__(self, log: ContainerLog, *, stdin: bool = False, tty: bool = False) -> None:
        self.log, self.tty = log, tty
        self.child_ends: dict[str, int] = {}
        self.stdin: StdinPipe | None = None
        self.listeners: list[Listener] = []
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self._reading: dict[int, str] = {}
        self._drained = asyncio.Event()
        if tty:
            terminal, child = pty.openpty()
            self.child_ends = {"stdin": child, "stdout": child, "stderr": child}
            self.stdin = StdinPipe(os.dup(terminal), tty=True)
            self._add("stdout", terminal)
            return
        if stdin:
            self.child_ends["stdin"], write = os.pipe()
            self.stdin = StdinPipe(write)
        for stream in ("stdout", "stderr"):
            read, self.child_ends[stream] = os.pipe()
            self._add(stream, read)

    def started(self) -> None:
        """The process has its ends: ours must go, or the pipes would never end."""
        for fd in set(self.child_ends.values()):
            os.close(fd)
        self.child_ends = {}

    async def finish(self, code: int) -> None:
        """After the process has ended: waits for the rest, at most a second, and ends the log."""
        self.started()
        if self._reading:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AFTER_EXIT_S):
                    await self._drained.wait()
        self.close(code)

    def close(self, code: int) -> None:
        """Stops reading, whatever is left, and ends the log. Harmless twice."""
        self.started()
        for fd in list(self._reading):
            self._drop(fd)
        if self.stdin is not None:
            self.stdin.close()
        self.log.end()
        if not self.ended.done():
            self.ended.set_result(code)

    def _add(self, stream: str, fd: int) -> None:
        os.set_blocking(fd, False)
        self._reading[fd] = stream
        self._loop.add_reader(fd, self._read, fd)

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
        self.log.write(stream, data.replace(b"\r\n", b"\n") if self.tty else data)
        for listener in list(self.listeners):
            listener(stream, data)

    def _drop(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        del self._reading[fd]
        os.close(fd)
        if not self._reading:
            self._drained.set()

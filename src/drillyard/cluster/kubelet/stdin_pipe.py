"""
The writing end of a process's stdin, a pipe or a terminal, for an event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios

_END_OF_TRANSMISSION = b"\x04"


class StdinPipe:
    """Owns the descriptor. Data for a process that is gone is dropped, as nobody is left to read it."""

    def __init__(self, fd: int, *, tty: bool = False) -> None:
        os.set_blocking(fd, False)
        self._fd: int | None = fd
        self._tty = tty
        self._turn = asyncio.Lock()
        self._writable: asyncio.Event | None = None

    async def write(self, data: bytes) -> None:
        """Waits while the process does not read."""
        async with self._turn:
            left = memoryview(data)
            while left and self._fd is not None:
                try:
                    left = left[os.write(self._fd, left) :]
                except BlockingIOError:
                    await self._wait(self._fd)
                except OSError:
                    self.close()

    async def end(self) -> None:
        """End of file: a terminal is told so by its own character, a pipe is closed."""
        if self._tty:
            await self.write(_END_OF_TRANSMISSION)
        else:
            async with self._turn:
                self.close()

    def resize(self, columns: int, rows: int) -> None:
        """The terminal's window has this size now. Nothing for a pipe."""
        if self._tty and self._fd is not None:
            size = struct.pack("HHHH", min(rows, 65535), min(columns, 65535), 0, 0)
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)

    def close(self) -> None:
        """Harmless twice; whoever waits to write gives up."""
        if self._fd is None:
            return
        asyncio.get_running_loop().remove_writer(self._fd)
        os.close(self._fd)
        self._fd = None
        if self._writable is not None:
            self._writable.set()

    async def _wait(self, fd: int) -> None:
        loop = asyncio.get_running_loop()
        self._writable = asyncio.Event()
        loop.add_writer(fd, self._writable.set)
        try:
            await self._writable.wait()
        finally:
            self._writable = None
            if self._fd == fd:
                loop.remove_writer(fd)

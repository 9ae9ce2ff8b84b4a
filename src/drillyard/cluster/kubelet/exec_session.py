"""
A command that `kubectl exec` runs in a container: its streams, its exit code, its end when the client leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from drillyard.base.spawner import SpawnedProcess, Spawner, SpawnError
from drillyard.cluster.client import StreamOptions
from drillyard.cluster.kubelet.runtime import Launch, StartError, exec_spec, exit_code_of
from drillyard.cluster.kubelet.stdin_pipe import StdinPipe

_CHUNK_BYTES = 64 * 1024
_AFTER_EXIT_S = 1.0
_HANG_UP_S = 0.5

Stream = Literal["stdout", "stderr"]


class ExecSession:
    """Implements `ProcessSession`. Output is read only as fast as it is taken, so nothing piles up here."""

    def __init__(self, process: SpawnedProcess, outputs: dict[int, Stream], stdin: StdinPipe | None) -> None:
        self._process, self._stdin = process, stdin
        self._outputs = outputs
        self._more = asyncio.Event()
        self._more.set()

    @staticmethod
    async def start(
        spawner: Spawner, launch: Launch, command: Sequence[str], options: StreamOptions, cgroups: Sequence[str] = ()
    ) -> ExecSession:
        """Raises StartError when there is no such program in the container."""
        spec = replace(exec_spec(launch, command), cgroups=cgroups)
        outputs: dict[int, Stream] = {}
        ends: dict[str, int] = {}
        stdin: StdinPipe | None = None
        if options.tty:
            terminal, child = pty.openpty()
            ends = {"stdin": child, "stdout": child, "stderr": child}
            outputs[terminal] = "stdout"
            stdin = StdinPipe(os.dup(terminal), tty=True)
            spec = replace(spec, tty=True, env={"TERM": "xterm", **spec.env})
        else:
            wanted: tuple[tuple[Stream, bool], ...] = (("stdout", options.stdout), ("stderr", options.stderr))
            for stream, asked in wanted:
                if asked:
                    read, ends[stream] = os.pipe()
                    outputs[read] = stream
            if options.stdin:
                ends["stdin"], write = os.pipe()
                stdin = StdinPipe(write)
        try:
            process = await spawner.spawn(replace(spec, **ends))  # type: ignore[arg-type]
        except BaseException as failed:
            for fd in outputs:
                os.close(fd)
            if stdin is not None:
                stdin.close()
            if isinstance(failed, SpawnError):
                raise StartError(failed.message) from failed
            raise
        finally:
            for fd in set(ends.values()):
                os.close(fd)
        return ExecSession(process, outputs, stdin)

    async def output(self) -> AsyncIterator[tuple[Stream, bytes]]:
        """See `ProcessSession.output`."""
        loop = asyncio.get_running_loop()
        for fd in self._outputs:
            os.set_blocking(fd, False)
        ended: asyncio.Future[Any] = asyncio.ensure_future(self._process.wait())
        try:
            while self._outputs:
                chunks = [(stream, self._read(fd)) for fd, stream in list(self._outputs.items())]
                for stream, data in chunks:
                    if data:
                        yield stream, data
                if any(data is not None for _, data in chunks):
                    continue
                if not await self._readable(loop, ended):
                    return
        finally:
            ended.cancel()
            self._close_outputs()

    async def write_stdin(self, data: bytes) -> None:
        if self._stdin is not None:
            await self._stdin.write(data)

    async def close_stdin(self) -> None:
        if self._stdin is not None:
            await self._stdin.end()

    def resize(self, columns: int, rows: int) -> None:
        if self._stdin is not None:
            self._stdin.resize(columns, rows)

    async def exit_code(self) -> int:
        return exit_code_of(await self._process.wait())

    async def hang_up(self) -> None:
        """HUP, half a second, KILL of everything in its session."""
        if self._stdin is not None:
            self._stdin.close()
        if self._process.returncode is None:
            self._process.signal(signal.SIGHUP, session=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HANG_UP_S):
                    await self._process.wait()
            self._process.signal(signal.SIGKILL, session=True)
        self._close_outputs()

    def _read(self, fd: int) -> bytes | None:
        """What is there; None when nothing is yet; b"" at the end, which closes it."""
        try:
            data = os.read(fd, _CHUNK_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            data = b""  # A terminal whose other side is gone says EIO.
        if not data:
            self._outputs.pop(fd, None)
            os.close(fd)
        return data

    async def _readable(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[Any]) -> bool:
        """Waits for more; False a second after the process's end: what still holds its pipes is not of it."""
        self._more.clear()
        fds = list(self._outputs)
        for fd in fds:
            loop.add_reader(fd, self._more.set)
        waiting: asyncio.Future[Any] = asyncio.ensure_future(self._more.wait())
        try:
            if not ended.done():
                await asyncio.wait({waiting, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                await asyncio.wait({waiting}, timeout=_AFTER_EXIT_S)
            return waiting.done()
        finally:
            waiting.cancel()
            for fd in fds:
                if fd in self._outputs:
                    loop.remove_reader(fd)

    def _close_outputs(self) -> None:
        for fd in list(self._outputs):
            asyncio.get_running_loop().remove_reader(fd)
            os.close(fd)
        self._outputs.clear()
        self._more.set()

"""
The requester's end of one running zygote: its process, its socket, its children.

The zygote's death is noticed as the end of its socket; then every child is reported as killed, and what the children
left in their sessions is killed too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from drillyard.base.session import kill_session
from drillyard.base.spawn_wire import Parser, attach, pack
from drillyard.base.spawned_process import SpawnedProcess, SpawnError

_log = logging.getLogger(__name__)
_START_TIMEOUT_S = 60.0
_SPAWN_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 2.0
_READ_BYTES = 65536


class ZygoteLink:
    """Made by `launch`, ended by `stop`. `lost` says that the zygote has ended."""

    def __init__(self, process: subprocess.Popen[bytes], sock: socket.socket) -> None:
        self.process = process
        self.lost = False
        self._socket = sock
        self._parser = Parser()
        self._sending = asyncio.Lock()
        self._outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._waiting: dict[int, asyncio.Future[SpawnedProcess]] = {}
        self._children: dict[int, SpawnedProcess] = {}
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._posting = asyncio.create_task(self._post(), name="zygote: requests")
        self._reading = asyncio.create_task(self._read(), name="zygote: answers")

    @staticmethod
    async def launch(preload: Sequence[str], env: Mapping[str, str] | None) -> ZygoteLink:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        command = [sys.executable, "-P", "-m", "drillyard.base.zygote", "--socket-fd", str(theirs.fileno())]
        try:
            process = subprocess.Popen(  # noqa: ASYNC220
                [*command, "--preload", ",".join(preload)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # A Ctrl-C in the terminal is for us; we tell the zygote.
                env=dict(env) if env is not None else None,
            )
        except OSError as refused:
            ours.close()
            raise SpawnError(f"The zygote did not start: {refused}") from refused
        finally:
            theirs.close()
        zygote = ZygoteLink(process, ours)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await asyncio.shield(zygote._ready)
        except BaseException as failed:
            await zygote.stop()
            if isinstance(failed, TimeoutError):
                raise SpawnError(f"The zygote was not ready within {_START_TIMEOUT_S:.0f} s.") from failed
            raise
        return zygote

    async def spawn(self, number: int, request: dict[str, Any], fds: Sequence[int]) -> SpawnedProcess:
        started: asyncio.Future[SpawnedProcess] = asyncio.get_running_loop().create_future()
        self._waiting[number] = started
        try:
            # Not wait_for: before Python 3.12 it forgets a cancellation that comes together with the answer.
            async with asyncio.timeout(_SPAWN_TIMEOUT_S):
                await self._send(request, fds)
                return await asyncio.shield(started)
        except TimeoutError as late:
            started.add_done_callback(_kill_unwanted)
            raise SpawnError(f"The zygote did not start a process within {_SPAWN_TIMEOUT_S:.0f} s.") from late
        except (OSError, ValueError) as failed:
            raise SpawnError(f"The zygote could not be asked for a process: {failed}") from failed
        except asyncio.CancelledError:
            started.add_done_callback(_kill_unwanted)
            raise
        finally:
            if started.done():
                self._waiting.pop(number, None)

    def signal(self, pid: int, number: int, session: bool) -> None:
        """Signals a child; one that has ended is left alone, even if its number is used again. Does not wait."""
        if not self.lost:
            self._outbox.put_nowait({"op": "signal", "pid": pid, "signal": number, "session": session})

    async def stop(self) -> None:
        self._reading.cancel()
        self._posting.cancel()
        await asyncio.gather(self._reading, self._posting, return_exceptions=True)
        self._lose()
        for _ in range(int(_STOP_TIMEOUT_S / 0.01)):
            if self.process.poll() is not None:
                return
            await asyncio.sleep(0.01)
        self.process.kill()
        self.process.wait(timeout=_STOP_TIMEOUT_S)

    async def _send(self, request: dict[str, Any], fds: Sequence[int] = ()) -> None:
        data = pack(request, fds)
        async with self._sending:
            if self.lost:
                raise ConnectionError("it has ended")
            sent = await self._send_first(data, fds)
            if sent < len(data):
                await asyncio.get_running_loop().sock_sendall(self._socket, data[sent:])

    async def _send_first(self, data: bytes, fds: Sequence[int]) -> int:
        while True:
            try:
                return self._socket.sendmsg([data], attach(fds))
            except BlockingIOError:
                await asyncio.sleep(0.005)  # Its buffer is full: it is busy forking.
            if self.lost:
                raise ConnectionError("it has ended")

    async def _post(self) -> None:
        while True:
            request = await self._outbox.get()
            with contextlib.suppress(OSError):  # The reader sees the end, and tells everyone.
                await self._send(request)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(self._socket, _READ_BYTES):
                for message in self._parser.feed(data):
                    self._take(message.content)
        except OSError as broken:
            _log.warning("zygote %d: %s", self.process.pid, broken)
        _log.log(logging.WARNING if self._ready.done() else logging.DEBUG, "zygote %d has ended", self.process.pid)
        self._lose()

    def _take(self, message: dict[str, Any]) -> None:
        if "ended" in message:
            child = self._children.pop(message["ended"], None)
            if child is not None:
                child.end(message["status"])
        elif "ready" in message:
            self._ready.set_result(None)
        elif "failed" in message:
            if not self._ready.done():
                self._ready.set_exception(SpawnError(f"The zygote could not import its modules: {message['failed']}"))
        elif message.get("id") in self._waiting:
            started = self._waiting.pop(message["id"])
            if "error" in message:
                if not started.done():
                    started.set_exception(SpawnError(f"The process could not be started: {message['error']}"))
                return
            process = self._children[message["pid"]] = SpawnedProcess(message["pid"], self.signal)
            if started.cancelled():
                process.signal(signal.SIGKILL, session=True)
            else:
                started.set_result(process)

    def _lose(self) -> None:
        """It is gone. The kernel ends its children; what they started in their sessions is left to us."""
        if self.lost:
            return
        self.lost = True
        self._posting.cancel()
        self._socket.close()
        for pid, child in self._children.items():
            kill_session(pid)
            child.end(-signal.SIGKILL)
        self._children.clear()
        gone = SpawnError("The zygote has ended.")
        for started in self._waiting.values():
            if not started.done():
                started.set_exception(gone)
        self._waiting.clear()
        if not self._ready.done():
            self._ready.set_exception(SpawnError("The zygote ended before it was ready; its error is above."))
            self._ready.exception()  # Seen, even if nobody waits for it any more.
        self.process.poll()


def _kill_unwanted(started: asyncio.Future[SpawnedProcess]) -> None:
    if not started.cancelled() and started.exception() is None:
        started.result().signal(signal.SIGKILL, session=True)

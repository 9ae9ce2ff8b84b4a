"""
Starts the edge proxy and tells it what to do. A proxy that died is started again, empty: the caller says everything
anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import signal
import socket
from pathlib import Path
from typing import Any

from drillyard.base.spawner import SpawnedProcess, Spawner, SpawnError, SpawnSpec

_log = logging.getLogger(__name__)
_ANSWER_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 1.0
_LINE_MAX = 32 * 1024 * 1024
_ENTRY = "drillyard.cluster.network.proxy:main"


class ProxyLostError(ConnectionError):
    """The proxy ended or did not answer in time."""


class ProxyClient:
    """One running proxy at a time. Requests are answered in order, one after another."""

    def __init__(self, spawner: Spawner, log: Path) -> None:
        self._spawner, self._log_path = spawner, log
        self._numbers = itertools.count(1)
        self._turn = asyncio.Lock()
        self._process: SpawnedProcess | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None and self._writer is not None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def start(self) -> SpawnedProcess:
        """Starts a fresh proxy. Raises SpawnError."""
        await self.stop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        log = os.open(self._log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._process = await self._spawner.spawn(
                SpawnSpec(
                    entry=_ENTRY,
                    title="drillyard edge proxy",
                    env={"PATH": os.environ.get("PATH", os.defpath)},
                    stdin=theirs.fileno(),
                    stdout=log,
                    stderr=log,
                )
            )
        except SpawnError:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(log)
        self._reader, self._writer = await asyncio.open_connection(sock=ours, limit=_LINE_MAX)
        return self._process

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Sends a request and waits for its answer. Raises ProxyLostError."""
        async with self._turn:
            reader, writer = self._reader, self._writer
            if reader is None or writer is None:
                raise ProxyLostError("the edge proxy does not run")
            number = next(self._numbers)
            try:
                async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                    writer.write(json.dumps({"id": number, **request}).encode() + b"\n")
                    await writer.drain()
                    line = await reader.readline()
            except (OSError, TimeoutError) as lost:
                raise ProxyLostError(f"the edge proxy does not answer: {lost}") from lost
            if not line:
                raise ProxyLostError("the edge proxy has ended")
            answer: dict[str, Any] = json.loads(line)
            return answer

    async def stop(self) -> None:
        """Ends the proxy and every connection through it. Harmless twice."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        self._reader = self._writer = None
        if self._process is not None:
            try:
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.signal(signal.SIGKILL, session=True)
                await self._process.wait()
            self._process = None

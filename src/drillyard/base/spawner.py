"""
Starts processes through a zygote, without blocking the event loop, and knows how each of them ended.

    spawner = Spawner(preload=["drillyard.shop.orders"])
    async with spawner:
        process = await spawner.spawn(SpawnSpec(entry="drillyard.shop.orders:main", env={...}, stdout=write_end))
        code = await process.wait()

Leaving the block ends every process that it started. A zygote that was killed takes its children with it (each is
reported as killed), and the next `spawn` starts a new one.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from types import TracebackType

from drillyard.base.spawned_process import SpawnedProcess, SpawnError, SpawnSpec
from drillyard.base.zygote_link import ZygoteLink

__all__ = ["SpawnError", "SpawnSpec", "SpawnedProcess", "Spawner"]


class Spawner:
    """The client of one zygote at a time."""

    def __init__(self, *, preload: Sequence[str] = (), env: Mapping[str, str] | None = None) -> None:
        self._preload, self._env = tuple(preload), env
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._zygote: ZygoteLink | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The zygote's."""
        return self._zygote.process.pid if self._zygote else None

    async def start(self) -> None:
        """Starts the zygote and waits for its imports. Raises SpawnError with the import's own error."""
        async with self._starting:
            if self._closed:
                raise SpawnError("The spawner is closed.")
            if self._zygote is not None:
                if not self._zygote.lost:
                    return
                await self._zygote.stop()
            self._zygote = await ZygoteLink.launch(self._preload, self._env)

    async def spawn(self, spec: SpawnSpec) -> SpawnedProcess:
        """Starts a process. Raises SpawnError when that is not possible."""
        await self.start()
        zygote = self._zygote
        assert zygote is not None
        streams = {
            name: fd
            for name, fd in (("stdin", spec.stdin), ("stdout", spec.stdout), ("stderr", spec.stderr))
            if fd is not None
        }
        number = next(self._numbers)
        request = {
            "op": "spawn",
            "id": number,
            "entry": spec.entry,
            "argv": list(spec.argv),
            "env": dict(spec.env),
            "cwd": spec.cwd,
            "title": spec.title,
            "user": list(spec.user) if spec.user else None,
            "streams": list(streams),
            "tty": spec.tty,
            "cgroups": list(spec.cgroups),
        }
        return await zygote.spawn(number, request, list(streams.values()))

    async def stop(self) -> None:
        """Ends the zygote and everything it started. Harmless twice."""
        self._closed = True
        if self._zygote is not None:
            await self._zygote.stop()

    async def __aenter__(self) -> Spawner:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

"""
Limits without rights: memory is looked at five times a second, and a container over its limit is killed.

A container that grows fast gets over its limit for a moment (measured: up to some 50 MB), and CPU limits are not held
at all; `name` says so to whoever asks. Memory is the proportional set size, measured only once the cheaper RSS is over
the limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Sequence

from drillyard.base.session import kill_session
from drillyard.cluster.client import Object
from drillyard.cluster.kubelet import process_tree
from drillyard.cluster.kubelet.limits.backend import Confinement, limit_of

_log = logging.getLogger(__name__)
_PERIOD_S = 0.2
_TREE_PERIOD_S = 2.0


class SamplerLimits:
    """Implements `Limits`. One task for all containers, and none while no container has a memory limit."""

    def __init__(self) -> None:
        self._watched: set[SampledContainer] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return "sampler"

    def confine(self, pod_uid: str, container: Object) -> Confinement:
        """See `Limits.confine`."""
        return SampledContainer(self, container["name"], limit_of(container, "memory"))

    async def close(self) -> None:
        """See `Limits.close`."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def watch(self, container: SampledContainer) -> None:
        self._watched.add(container)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._sample(), name="memory sampler")

    def forget(self, container: SampledContainer) -> None:
        self._watched.discard(container)

    async def _sample(self) -> None:
        looked_s = 0.0
        while self._watched:
            now_s = time.monotonic()
            if now_s - looked_s >= _TREE_PERIOD_S:
                looked_s = now_s
                processes = process_tree.snapshot()
                for container in self._watched:
                    container.find_members(processes)
            for container in list(self._watched):
                container.check()
            await asyncio.sleep(_PERIOD_S)


class SampledContainer:
    """Implements `Confinement`."""

    def __init__(self, limits: SamplerLimits, name: str, memory_bytes: float | None) -> None:
        self._limits, self._name, self._memory_bytes = limits, name, memory_bytes
        self._pid = 0
        self._members: list[int] = []
        self._killed = False

    @property
    def folders(self) -> Sequence[str]:
        return ()

    def started(self, pid: int) -> None:
        self._pid, self._members = pid, [pid]
        if self._memory_bytes is not None:
            self._limits.watch(self)

    def settled(self) -> None:
        """CPU limits are not held here."""

    def out_of_memory(self) -> bool:
        return self._killed

    async def release(self) -> None:
        self._limits.forget(self)

    def find_members(self, processes: dict[int, process_tree.Process]) -> None:
        self._members = [process.pid for process in process_tree.tree(self._pid, processes)]

    def check(self) -> None:
        """Kills the container when it is over its limit."""
        assert self._memory_bytes is not None
        if process_tree.resident_bytes(self._members) <= self._memory_bytes:
            return
        used = process_tree.proportional_bytes(self._members)
        if used <= self._memory_bytes:
            return
        _log.info("container %s uses %d of %d bytes: killed", self._name, used, self._memory_bytes)
        self._killed = True
        self._limits.forget(self)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        kill_session(self._pid)

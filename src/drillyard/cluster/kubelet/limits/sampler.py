"""
Limits without rights: memory is looked at five times a second, and a container over its limit is killed; one over its
CPU limit is stopped for a while (`duty_cycle`).

A container that grows fast gets over its limit for a moment (measured: up to some 50 MB). Memory is the proportional
set size, measured only once the cheaper RSS is over the limit. Processes are found by parentage every two seconds:
what was forked since is not yet counted.
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
from drillyard.cluster.kubelet.limits.duty_cycle import DutyCycle

_log = logging.getLogger(__name__)
_PERIOD_S = 0.2
_TICK_S = 0.05
_TREE_PERIOD_S = 2.0


class SamplerLimits:
    """Implements `Limits`. One task for all containers, and none while no container has a limit."""

    def __init__(self) -> None:
        self._watched: set[SampledContainer] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return "sampler"

    def confine(self, pod_uid: str, container: Object) -> Confinement:
        """See `Limits.confine`."""
        return SampledContainer(self, container["name"], limit_of(container, "memory"), limit_of(container, "cpu"))

    async def close(self) -> None:
        """See `Limits.close`."""
        for container in self._watched:
            container.let_go()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def watch(self, container: SampledContainer) -> None:
        self._watched.add(container)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._sample(), name="limits sampler")

    def forget(self, container: SampledContainer) -> None:
        self._watched.discard(container)

    async def _sample(self) -> None:
        looked_s = measured_s = 0.0
        while self._watched:
            now_s = time.monotonic()
            if now_s - looked_s >= _TREE_PERIOD_S:
                looked_s = now_s
                processes = process_tree.snapshot()
                for container in self._watched:
                    container.find_members(processes)
            if now_s - measured_s >= _PERIOD_S:
                measured_s = now_s
                for container in list(self._watched):
                    container.check()
            for container in self._watched:
                container.tick(now_s)
            await asyncio.sleep(_TICK_S if any(one.cycled for one in self._watched) else _PERIOD_S)


class SampledContainer:
    """Implements `Confinement`."""

    def __init__(
        self, limits: SamplerLimits, name: str, memory_bytes: float | None, cores: float | None = None
    ) -> None:
        self._limits, self._name, self._memory_bytes = limits, name, memory_bytes
        self._cycle = DutyCycle(cores) if cores is not None else None
        self.cycled = False
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
        """From now on the CPU limit holds."""
        if self._cycle is not None and self._pid:
            self.cycled = True
            self._limits.watch(self)

    def frozen(self, on: bool) -> None:
        """See `Confinement.frozen`."""
        if self._cycle is not None:
            self._cycle.frozen = on

    def out_of_memory(self) -> bool:
        return self._killed

    async def release(self) -> None:
        self._limits.forget(self)
        self.let_go()

    def tick(self, now_s: float) -> None:
        """Holds the CPU limit."""
        if self._cycle is not None and self.cycled:
            self._cycle.tick(now_s, self._members)

    def let_go(self) -> None:
        """Leaves no process stopped."""
        if self._cycle is not None:
            self._cycle.resume(self._members)

    def find_members(self, processes: dict[int, process_tree.Process]) -> None:
        self._members = [process.pid for process in process_tree.tree(self._pid, processes)]

    def check(self) -> None:
        """Kills the container when it is over its limit."""
        if self._memory_bytes is None or process_tree.resident_bytes(self._members) <= self._memory_bytes:
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

"""
Programs forked from a process that has imported them, as the yard starts its pods: 50 ms each instead of a second.

`Forks` keeps a spawner and its loop in a thread, so that tests without a loop can use it; `Forked` looks like a Popen.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from drillyard.base.spawner import SpawnedProcess, Spawner, SpawnSpec

Result = TypeVar("Result")
LIMIT_S = 120
PRELOAD = (
    "drillyard.shop.user.program",
    "drillyard.shop.carts.program",
    "drillyard.shop.catalogue.program",
    "drillyard.shop.orders.program",
    "drillyard.shop.payment",
    "drillyard.shop.gateway",
    "drillyard.shop.shipping",
    "drillyard.shop.queue_master",
    "drillyard.shop.front_end.program",
    "drillyard.bank.server",
    "drillyard.broker.server",
)


class Forks:
    """One zygote for a session of tests."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="forks")
        self._thread.start()
        self._spawner = Spawner(preload=PRELOAD)

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT_S)

    def start(self, entry: str, env: Mapping[str, str], log_path: Path, cwd: Path) -> Forked:
        """`module:function` with this environment alone; what it says goes to a file."""
        with log_path.open("wb") as log:
            spec = SpawnSpec(entry=entry, env=env, cwd=str(cwd), stdout=log.fileno(), stderr=log.fileno())
            return Forked(self._do(self._spawner.spawn(spec)), self._loop)

    def stop(self) -> None:
        """Ends everything that was started."""
        self._do(self._spawner.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT_S)
        self._loop.close()


class Forked:
    """A started program, with what tests use of subprocess.Popen."""

    def __init__(self, process: SpawnedProcess, loop: asyncio.AbstractEventLoop) -> None:
        self._process = process
        self._loop = loop
        self.pid = process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        ended = asyncio.run_coroutine_threadsafe(asyncio.wait_for(self._process.wait(), timeout), self._loop)
        try:
            return ended.result(LIMIT_S)
        except TimeoutError:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or LIMIT_S) from None

    def send_signal(self, number: int) -> None:
        self._loop.call_soon_threadsafe(self._process.signal, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

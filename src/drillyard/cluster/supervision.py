"""
Work that must go on: a task that dies of a bug is logged with its traceback, and started again after a pause.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from drillyard.base.clock import Clock

_log = logging.getLogger(__name__)
_PAUSE_S = 1.0


def supervised(name: str, work: Callable[[], Awaitable[None]], clock: Clock) -> asyncio.Task[None]:
    """A task that runs `work` until cancelled, again and again if need be. `work` is not expected to return."""

    async def run() -> None:
        while True:
            try:
                await work()
                _log.error("%s has ended; it starts again", name)
            except Exception:
                _log.exception("%s has died; it starts again", name)
            await clock.sleep(_PAUSE_S)

    return asyncio.create_task(run(), name=name)

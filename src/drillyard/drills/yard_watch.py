"""
Notices that the yard goes down while a drill is played in it.

Its ports may be another yard's a moment later, so every look from then on could be at a stranger's shop. The drill is
stopped at once, and says nothing of the incident.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from drillyard.drills.scene import Scene

_LOOK_S = 0.5


@dataclass
class YardWatch:
    """`gone` is True from the moment on at which the yard's control plane was seen to have ended."""

    gone: bool = False


@contextlib.asynccontextmanager
async def watching(scene: Scene) -> AsyncIterator[YardWatch]:
    """Cancels the task that entered it when the yard is gone."""
    watch = YardWatch()
    played = asyncio.current_task()
    assert played is not None

    async def look() -> None:
        while not scene.yard.gone():
            await scene.clock.sleep(_LOOK_S)
        watch.gone = True
        played.cancel()

    task = asyncio.ensure_future(look())
    try:
        yield watch
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

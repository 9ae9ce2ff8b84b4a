"""
What is measured all through a drill: the queue's depth and consumers, and for who watches the errors in the logs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from drillyard.base.errors import DrillyardError
from drillyard.drills.scene import Scene

_SAMPLE_S = 0.25
_ERRORS_EVERY_S = 2.0
_ERROR_LOGS = "kube_namespace:sock-shop status:error"


async def _errors(scene: Scene) -> float | None:
    """How many error logs an on-call would find by now."""
    try:
        found = await scene.yard.datadog.count(_ERROR_LOGS, scene.started_at, scene.clock.now())
    except DrillyardError:
        return None
    return float(found)


@contextlib.asynccontextmanager
async def sampling(scene: Scene) -> AsyncIterator[None]:
    """Measures queue depth and consumers while the drill runs; what cannot be measured is noted as a gap."""

    async def sample() -> None:
        names = {e.queue.queue for e in (*scene.incident.while_on, *scene.incident.recovered) if e.queue} or {
            "shipping-task"
        }
        name = sorted(names)[0]
        while True:
            depth: float | None = None
            consumers: float | None = None
            with contextlib.suppress(DrillyardError):
                view = await scene.yard.broker.queue(name)
                depth, consumers = float(view.messages), float(view.consumers)
            scene.record.sample("queue_depth", depth)
            scene.record.sample("consumers", consumers)
            scene.audience.numbers(queue_depth=depth, consumers=consumers)
            await scene.clock.sleep(_SAMPLE_S)

    async def count_errors() -> None:
        # Only for who watches: where the telemetry is Datadog's own, searches are rationed.
        while scene.audience.live:
            scene.audience.numbers(errors=await _errors(scene))
            await scene.clock.sleep(_ERRORS_EVERY_S)

    tasks = [asyncio.ensure_future(sample()), asyncio.ensure_future(count_errors())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            # A record that cannot be written is told by whatever else writes it.
            with contextlib.suppress(asyncio.CancelledError, DrillyardError):
                await task

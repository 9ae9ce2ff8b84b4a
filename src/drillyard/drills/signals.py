"""
The signals of a drill as its on-call could have had them: logs, events and metrics, kept as JSON in the record.
"""

from __future__ import annotations

import asyncio
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.drills.scene import Scene

_LOGS_MAX = 1000
METRICS = (
    "avg:rabbitmq.queue.messages{queue:shipping-task}",
    "avg:rabbitmq.queue.consumers{queue:shipping-task}",
    "avg:kubernetes_state.deployment.replicas_available{kube_namespace:sock-shop} by {kube_deployment}",
    "avg:kubernetes_state.container.restarts{kube_namespace:sock-shop} by {kube_deployment}",
)


async def keep(scene: Scene) -> None:
    """Writes `evidence/{logs,events,metrics}.json` of the drill so far; of logs the last thousand, all counted."""
    start, end = scene.started_at, scene.clock.now()
    datadog = scene.yard.datadog
    try:
        logs = await datadog.logs("kube_namespace:sock-shop", start, end, sort="-timestamp", limit=_LOGS_MAX)
        counted = await datadog.count("kube_namespace:sock-shop", start, end)
        events = await datadog.events("source:kubernetes", start.replace(microsecond=0), end, limit=_LOGS_MAX)
        series = await asyncio.gather(*(datadog.metrics(query, start, end) for query in METRICS))
    except DrillyardError as problem:
        scene.record.note("step", f"logs, events and metrics could not be kept: {problem.message}")
        return
    scene.record.evidence("logs", {"count": counted, "newest": logs.items})
    scene.record.evidence("events", {"count": events.count, "items": events.items})
    kept: list[dict[str, Any]] = [
        {"query": query, "series": found} for query, found in zip(METRICS, series, strict=True)
    ]
    scene.record.evidence("metrics", kept)

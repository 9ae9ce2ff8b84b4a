"""
New log lines as they come, by polling the search API, as it works on a real Datadog too.

A line can arrive later than one with a younger time, because pods and agents are not equally fast. So each poll looks
back over OVERLAP_S and drops what it has given before: every line comes once, unless it is later than that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from drillyard.base.clock import Clock
from drillyard.yard.datadog import DatadogClient

OVERLAP_S = 30.0
POLL_S = 1.0


async def follow(
    datadog: DatadogClient,
    query: str,
    clock: Clock,
    *,
    seen: list[dict[str, Any]],
    poll_s: float = POLL_S,
) -> AsyncIterator[list[dict[str, Any]]]:
    """
    Logs that come after those `seen` (in the order of time, as just searched), in batches; it never ends by itself.

    Raises RefusedQuery, and DrillyardError when the telemetry does not answer.
    """
    overlap = timedelta(seconds=OVERLAP_S)
    given = {item["id"]: _moment(item) for item in seen}
    # What is older than the oldest one seen was left out on purpose, by a limit.
    oldest = _moment(seen[0]) if seen else clock.now() - overlap
    while True:
        polled_at = clock.now()
        start = max(oldest, polled_at - overlap)
        found = await datadog.logs(query, start, polled_at)
        fresh = [item for item in found.items if item["id"] not in given]
        given |= {item["id"]: _moment(item) for item in fresh}
        if fresh:
            yield fresh
        # What is older than the next window cannot be found again, so it need not be remembered.
        given = {identity: at for identity, at in given.items() if at >= start}
        await clock.sleep(poll_s)


def _moment(item: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(item["attributes"]["timestamp"])

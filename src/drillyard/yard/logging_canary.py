"""
The end-to-end canary of logging: a marker written to a pod's stdout and read back by a search.

Agents, counters and dashboards can all be green while no line arrives; only a line that was written and found again
proves that logging works. The marker is a page that does not exist: front-end logs the request for it like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from drillyard.base.errors import DrillyardError
from drillyard.yard.yard import SHOP_NAMESPACE, Yard

POLL_S = 0.1


@dataclass(frozen=True)
class LoggingCheck:
    """`healthy` is None when no marker could be written, so that nothing can be said."""

    healthy: bool | None
    marker: str
    query: str
    took_s: float
    text: str


async def check_logging(yard: Yard, *, limit_s: float = 30.0) -> LoggingCheck:
    """Writes one marker and looks for it for `limit_s` seconds. Never raises for what the yard does or does not do."""
    marker = f"canary{uuid4().hex}"
    query = f'kube_namespace:{SHOP_NAMESPACE} kube_deployment:front-end "{marker}"'
    asked, began_s = yard.clock.now(), yard.clock.monotonic_s()

    def result(healthy: bool | None, text: str) -> LoggingCheck:
        return LoggingCheck(healthy, marker, query, round(yard.clock.monotonic_s() - began_s, 3), text)

    try:
        await yard.look("front-end", f"/{marker}", timeout_s=min(10.0, limit_s))
    except DrillyardError as silent:
        return result(None, f"No marker could be written, so nothing is known: {silent.message}")
    problem = ""
    while True:
        try:
            found = await yard.datadog.count(query, asked, "now")
            problem = ""
        except DrillyardError as lost:
            found, problem = 0, f" The last search failed: {lost.message}"
        if found:
            return result(True, "A line written to a pod's stdout was found by a search.")
        if yard.clock.monotonic_s() - began_s >= limit_s:
            text = f"A line was written to front-end's stdout and not found by a search within {limit_s:g} s."
            return result(False, text + problem)
        await yard.clock.sleep(POLL_S)

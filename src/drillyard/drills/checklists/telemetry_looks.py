"""
Looks at the telemetry, as an on-call would: by searching it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from drillyard.drills.checklists.cluster_looks import Look
from drillyard.drills.checklists.entry import Seen, Sight
from drillyard.drills.checklists.scaled_down import scaled_down_at
from drillyard.yard.logging_canary import check_logging

_LOGGING_LIMIT_S = 15.0
_LAST_WORDS = timedelta(seconds=30)
_ORDERS = "kube_namespace:sock-shop service:sock-shop-orders"


async def a_line_is_found_again(sight: Sight) -> Seen:
    """Counters such as LogsProcessed rise in an outage too; a line that was written and found is a proof."""
    result = await check_logging(sight.yard, limit_s=_LOGGING_LIMIT_S)
    return result.healthy, f"{result.text} ({result.took_s:.1f} s)"


def is_found(query: str) -> Look:
    """At least one log since then."""

    async def look(sight: Sight) -> Seen:
        count = await sight.yard.datadog.count(query, sight.since, "now")
        return count > 0, f"{count} log(s) {sight.window} fit {query}"

    return look


def is_silent(query: str, deployment: str) -> Look:
    """No log since the deployment was last scaled down, and the telemetry is known to work."""

    async def look(sight: Sight) -> Seen:
        down = await scaled_down_at(sight, deployment)
        if down is None:
            return None, f"{deployment} is not scaled to 0"
        logging = await check_logging(sight.yard, limit_s=_LOGGING_LIMIT_S)
        if not logging.healthy:
            return None, f"silence proves nothing: {logging.text}"
        newest = (await sight.yard.datadog.logs(query, down, "now", sort="-timestamp", limit=1)).items
        if not newest:
            return True, f"no log since {down:%H:%M:%S} UTC"
        last = datetime.fromisoformat(newest[0]["attributes"]["timestamp"])
        # A pod that ends may still say so, within its grace.
        return last - down < _LAST_WORDS, f"its last log is of {last:%H:%M:%S} UTC"

    return look


def has_no_container(filter_tags: str) -> Look:
    async def look(sight: Sight) -> Seen:
        found = await sight.yard.datadog.containers(filter_tags)
        return found.count == 0, f"{found.count} container(s) fit {filter_tags}"

    return look


async def errors_are_known_as_errors(sight: Sight) -> Seen:
    """The newest ERROR line of orders has the status error; older ones keep what they were given when they came."""
    found = await sight.yard.datadog.logs(f'{_ORDERS} "ERROR"', sight.since, "now", sort="-timestamp", limit=1)
    if not found.items:
        return None, f"orders wrote no ERROR line {sight.window}"
    attributes = found.items[0]["attributes"]
    return attributes["status"] == "error", f"the newest ERROR line has the status {attributes['status']}"


async def orders_has_its_images_name(sight: Sight) -> Seen:
    right = await sight.yard.datadog.count(_ORDERS, sight.since, "now")
    wrong = await sight.yard.datadog.count("kube_namespace:sock-shop service:orders", sight.since, "now")
    return right > 0, f"service:sock-shop-orders finds {right} log(s), service:orders {wrong}"

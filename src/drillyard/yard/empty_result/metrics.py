"""
The explanation of a metric query without series: a metric that nobody reports, or a scope that none of its tags fits.
"""

from __future__ import annotations

import re
from datetime import datetime

from drillyard.yard.datadog import DatadogClient
from drillyard.yard.empty_result.nearest import listed, nearest

_METRIC = re.compile(r"\b(?:avg|sum|min|max|count|p\d\d):([A-Za-z][\w.]{0,199})\{([^}]*)\}")
_TAG = re.compile(r"[\w./-]+:[^\s,()]+")


async def explain_metric(datadog: DatadogClient, query: str, start: datetime) -> list[str]:
    """Sentences on why the query has no series since `start`; never empty. Raises DrillyardError."""
    names = await datadog.metric_names(start)
    said = []
    for metric, scope in _METRIC.findall(query):
        if metric not in names:
            near = nearest(metric, names)
            there = f"; there is {listed(near)}" if near else f"; {len(names)} metrics are reported"
            said.append(f"Nobody reported {metric} in this window{there}.")
            continue
        tags = await datadog.metric_tags(metric)
        for tag in _TAG.findall(scope):
            key = tag.partition(":")[0].lstrip("!-")
            values = sorted(one.partition(":")[2] for one in tags if one.startswith(f"{key}:"))
            if "*" not in tag and tag.lstrip("!-") not in tags:
                known = f"{key} is {listed(values)}" if values else f"its tags are {listed(_keys(tags))}"
                said.append(f"{metric} has no {tag}; {known}.")
    return said or [f"No series of {query} has a point in this window: widen it with --from."]


def _keys(tags: list[str]) -> list[str]:
    return sorted({tag.partition(":")[0] for tag in tags})

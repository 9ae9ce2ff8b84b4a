"""
The containers that agents last reported, by host; the list is as true as the agent's last report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drillyard.base.clock import Clock
from drillyard.telemetry.logs.query import matches, parse
from drillyard.telemetry.logs.record import Record

FORGET_AFTER_S = 60.0
"""A host that has not reported for this long has no containers."""
HOSTS_MAX = 1_000
CONTAINERS_MAX = 10_000


@dataclass(frozen=True)
class Container:
    """One container as the API shows it; `attributes` are Datadog's (name, state, image_name, …)."""

    id: str
    host: str
    attributes: dict[str, Any]
    tags: tuple[str, ...]


class Containers:
    """What is running where."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._reports: dict[str, tuple[float, list[Container]]] = {}

    def report(self, host: str, containers: Sequence[Container]) -> None:
        """Replaces everything known of the host."""
        if host in self._reports or len(self._reports) < HOSTS_MAX:
            self._reports[host] = (self._clock.monotonic_s(), list(containers))

    def find(self, tags: str) -> list[Container]:
        """Those that fit a filter of tags, parted by commas or blanks, in the language of logs. Raises QueryError."""
        tree = parse(tags.replace(",", " "))
        fresh_s = self._clock.monotonic_s() - FORGET_AFTER_S
        found = [
            container
            for reported_s, containers in self._reports.values()
            if reported_s >= fresh_s
            for container in containers
            if matches(tree, Record(0, "", host=container.host, tags=list(container.tags)))
        ]
        return sorted(found, key=lambda container: (str(container.attributes.get("name")), container.id))

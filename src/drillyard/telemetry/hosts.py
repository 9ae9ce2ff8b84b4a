"""
The hosts that report: a host is seen by its own metric, `system.load.1`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from drillyard.telemetry.metrics.store import MetricStore

ACTIVE_S = 3_600
UP_S = 7_200
FAR_S = 1 << 40


@dataclass(frozen=True)
class Host:
    """`load` is the last one-minute load average that it reported."""

    id: int
    name: str
    tags: tuple[str, ...]
    last_seen_s: int
    load: float


def find_hosts(metrics: MetricStore, since_s: int) -> list[Host]:
    """Those that have reported since then, by name."""
    found: dict[str, Host] = {}
    for series in metrics.series("system.load.1", since_s, FAR_S):
        names = [tag.removeprefix("host:") for tag in series.tags if tag.startswith("host:")]
        for name in names:
            seen_s, load = series.points[-1]
            if name not in found or found[name].last_seen_s < seen_s:
                found[name] = Host(zlib.crc32(name.encode()), name, series.tags, seen_s, load)
    return [found[name] for name in sorted(found)]

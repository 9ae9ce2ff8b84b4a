"""
The machine itself, as Datadog's system checks name it: percent of all cores, bytes, load. Linux' /proc; elsewhere the
load alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from drillyard.telemetry.agent.cluster_metrics import Gauge

_CPU = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "stolen")
"""The columns of /proc/stat (proc(5)), in jiffies."""


class HostMetrics:
    """Two looks give a rate: the first look has none."""

    def __init__(self, clock_s: Callable[[], float], proc: Path = Path("/proc")) -> None:
        self._clock_s = clock_s
        self._proc = proc
        self._jiffies: list[int] = []
        self._bytes: tuple[float, int, int] | None = None

    def gauges(self, tags: tuple[str, ...]) -> Iterator[Gauge]:
        """All figures that this machine has."""
        for minutes, load in zip((1, 5, 15), os.getloadavg(), strict=True):
            yield Gauge(f"system.load.{minutes}", load, tags)
        yield Gauge("system.cpu.num_cores", float(os.cpu_count() or 1), tags)
        try:
            yield from self._cpu(tags)
            yield from self._memory(tags)
            yield from self._network(tags)
        except (OSError, ValueError, IndexError, KeyError):
            return

    def _cpu(self, tags: tuple[str, ...]) -> Iterator[Gauge]:
        first = (self._proc / "stat").read_text().split("\n", 1)[0]
        now = [int(part) for part in first.split()[1 : len(_CPU) + 1]]
        spent = [after - before for before, after in zip(self._jiffies, now, strict=False)]
        self._jiffies = now
        if sum(spent) <= 0:
            return
        percent = {name: 100.0 * part / sum(spent) for name, part in zip(_CPU, spent, strict=False)}
        # Datadog's own folding: nice counts as user, interrupts as system.
        yield Gauge("system.cpu.user", percent["user"] + percent["nice"], tags)
        yield Gauge("system.cpu.system", percent["system"] + percent["irq"] + percent["softirq"], tags)
        for name in ("idle", "iowait", "stolen"):
            yield Gauge(f"system.cpu.{name}", percent[name], tags)

    def _memory(self, tags: tuple[str, ...]) -> Iterator[Gauge]:
        found = {}
        for line in (self._proc / "meminfo").read_text().splitlines():
            name, _, amount = line.partition(":")
            found[name] = int(amount.split()[0]) * 1024.0
        total, usable = found["MemTotal"], found["MemAvailable"]
        yield Gauge("system.mem.total", total, tags)
        yield Gauge("system.mem.free", found["MemFree"], tags)
        yield Gauge("system.mem.used", total - found["MemFree"], tags)
        yield Gauge("system.mem.usable", usable, tags)
        yield Gauge("system.mem.pct_usable", usable / total, tags)

    def _network(self, tags: tuple[str, ...]) -> Iterator[Gauge]:
        received = sent = 0
        for line in (self._proc / "net" / "dev").read_text().splitlines()[2:]:
            name, _, figures = line.partition(":")
            if name.strip() != "lo":
                columns = figures.split()
                received, sent = received + int(columns[0]), sent + int(columns[8])
        before, self._bytes = self._bytes, (self._clock_s(), received, sent)
        if before is not None and (span_s := self._bytes[0] - before[0]) > 0:
            yield Gauge("system.net.bytes_rcvd", max(0, received - before[1]) / span_s, tags)
            yield Gauge("system.net.bytes_sent", max(0, sent - before[2]) / span_s, tags)

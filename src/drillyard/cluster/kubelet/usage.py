"""
What containers use, for metrics.k8s.io: cores since the last look, memory now. Nothing is measured while nobody asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from drillyard.base.clock import Clock
from drillyard.cluster.client import ContainerUsage, PodUsage
from drillyard.cluster.kubelet import process_tree

_WINDOW_MIN_S = 1.0


@dataclass(frozen=True)
class Running:
    """A container to be measured, by its first process."""

    namespace: str
    pod: str
    container: str
    pid: int
    started_at: datetime


@dataclass(frozen=True)
class _Sample:
    cpu_s: float
    at_s: float
    nanocores: int


class UsageMeter:
    """Remembers the CPU time of each process tree: two looks give a rate, the first one the rate since its start."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: dict[int, _Sample] = {}

    def measure(self, running: Sequence[Running]) -> list[PodUsage]:
        """Blocks for some 50 ms with a whole shop: call it in a thread."""
        processes = process_tree.snapshot()
        now, moment = self._clock.monotonic_s(), self._clock.now().astimezone(UTC)
        pods: dict[tuple[str, str], list[ContainerUsage]] = {}
        samples: dict[int, _Sample] = {}
        window_s = _WINDOW_MIN_S
        for one in running:
            members = process_tree.tree(one.pid, processes)
            if not members:
                continue
            cpu_s = sum(process.cpu_s for process in members)
            sample, span_s = self._sample(one, cpu_s, now, moment)
            samples[one.pid] = sample
            window_s = max(window_s, span_s)
            memory = process_tree.proportional_bytes(process.pid for process in members)
            usage = ContainerUsage(one.container, sample.nanocores, memory)
            pods.setdefault((one.namespace, one.pod), []).append(usage)
        self._samples = samples
        return [PodUsage(*key, moment, round(window_s, 3), tuple(usages)) for key, usages in pods.items()]

    def _sample(self, one: Running, cpu_s: float, now: float, moment: datetime) -> tuple[_Sample, float]:
        before = self._samples.get(one.pid)
        if before is not None and now - before.at_s < _WINDOW_MIN_S:
            return before, _WINDOW_MIN_S  # Too soon for a rate.
        if before is None:
            span_s = max((moment - one.started_at).total_seconds(), 0.1)
            used_s = cpu_s
        else:
            span_s, used_s = now - before.at_s, max(0.0, cpu_s - before.cpu_s)
        return _Sample(cpu_s, now, round(used_s / span_s * 1e9)), span_s

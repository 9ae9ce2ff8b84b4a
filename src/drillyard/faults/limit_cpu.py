"""
A CPU limit that a deployment's container cannot work with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.faults.container_change import ContainerChange
from drillyard.faults.fault import Proof
from drillyard.yard.yard import Yard

_PROBES = 5


@dataclass(frozen=True, kw_only=True)
class LimitCpu(ContainerChange):
    """
    Sets the container's CPU limit (and a request of as much) to `cpu`, such as 10m: it is throttled, and stays Ready.

    For services that answer HTTP. Proven when the median of five requests for `probe_path` takes `slow_ms`; where the
    node does not enforce limits, that never comes, and the drill ends INVALID.
    """

    cpu: str
    probe_path: str = "/health"
    slow_ms: int = 60

    def changed(self, container: dict[str, Any]) -> dict[str, Any]:
        resources = container.get("resources") or {}
        limits, requests = dict(resources.get("limits") or {}), dict(resources.get("requests") or {})
        if limits.get("cpu") == self.cpu:
            raise DrillyardError(f"{self.deployment} has the CPU limit {self.cpu} already.")
        both = {"limits": {**limits, "cpu": self.cpu}, "requests": {**requests, "cpu": self.cpu}}
        return {**container, "resources": {**resources, **both}}

    def shows(self, status: dict[str, Any]) -> str:
        return ""  # A throttled container has no state of its own: only its answers show it.

    async def is_on(self, yard: Yard) -> Proof:
        ready = await yard.ready_addresses(self.deployment, self.namespace)
        if not ready:
            return Proof(False, f"{self.deployment} has no ready endpoint")
        took_ms = await self._median_ms(yard)
        return Proof(took_ms >= self.slow_ms, self._seen(took_ms))

    async def is_healed(self, yard: Yard) -> Proof:
        whole = await super().is_healed(yard)
        if not whole.holds:
            return whole
        took_ms = await self._median_ms(yard)
        return Proof(took_ms < self.slow_ms, f"{whole.seen}; {self._seen(took_ms)}")

    def describe(self) -> str:
        return f"the container of {self.deployment} has a CPU limit of {self.cpu}"

    async def _median_ms(self, yard: Yard) -> float:
        took = [(await yard.look(self.deployment, self.probe_path)).took_s for _ in range(_PROBES)]
        return sorted(took)[_PROBES // 2] * 1000

    def _seen(self, took_ms: float) -> str:
        return f"{self.deployment}{self.probe_path} took {took_ms:.0f} ms at the median of {_PROBES}"

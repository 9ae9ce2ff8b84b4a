"""
An autoscaler that watches the wrong metric: load comes, and nothing scales; or nothing comes, and all of it scales.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import ApiError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import SHOP_NAMESPACE, Yard

_KIND = "horizontalpodautoscalers"


@dataclass(frozen=True, kw_only=True)
class AutoscalerMetric:
    """
    Puts a HorizontalPodAutoscaler on `deployment` that looks at `metric` alone, in place of the one it has, if any.

    Proven when the autoscaler itself says what it makes of that metric (its condition ScalingActive). The cure puts the
    earlier autoscaler and the earlier number of replicas back.
    """

    deployment: str
    metric: Literal["cpu", "memory"] = "memory"
    utilization: int = 80
    replicas_max: int = 3
    namespace: str = SHOP_NAMESPACE
    spec_before: dict[str, Any] | None = None
    replicas_before: int = 1

    async def prepare(self, yard: Yard) -> Self:
        try:
            workload = await yard.api.get("deployments", self.namespace, self.deployment)
        except ApiError as refused:
            if refused.status != 404:
                raise
            raise DrillyardError(f"There is no deployment {self.namespace}/{self.deployment}.") from refused
        before = await self._spec_now(yard)
        if before == self._spec:
            raise DrillyardError(f"The autoscaler of {self.deployment} looks at {self.metric} already.")
        return replace(self, spec_before=before, replicas_before=int(workload["spec"].get("replicas", 1)))

    async def put_in(self, yard: Yard) -> None:
        await self._set(yard, self._spec)

    async def is_on(self, yard: Yard) -> Proof:
        found = await self._now(yard)
        if found is None or found["spec"].get("metrics") != self._spec["metrics"]:
            return Proof(False, f"no autoscaler of {self.deployment} looks at {self.metric}")
        conditions = {one["type"]: one for one in found.get("status", {}).get("conditions") or ()}
        active = conditions.get("ScalingActive")
        if active is None:
            return Proof(False, "the autoscaler has not looked yet")
        return Proof(True, f"the autoscaler says ScalingActive {active['status']}: {active.get('reason', '')}")

    async def heal(self, yard: Yard) -> None:
        if await self._spec_now(yard) != self.spec_before:
            await self._set(yard, self.spec_before)
        change = {"spec": {"replicas": self.replicas_before}}
        await yard.api.patch("deployments", self.namespace, self.deployment, change, type="merge")

    async def is_healed(self, yard: Yard) -> Proof:
        as_before = await self._spec_now(yard) == self.spec_before
        ready = await yard.ready_addresses(self.deployment, self.namespace)
        seen = f"autoscaler {'as before' if as_before else 'not as before'}, {ready} ready endpoint(s)"
        return Proof(as_before and ready == self.replicas_before, seen)

    def touches(self) -> frozenset[str]:
        return frozenset({f"the replicas of {self.namespace}/{self.deployment}"})

    def describe(self) -> str:
        return f"the autoscaler of {self.deployment} looks at {self.metric} alone"

    @property
    def _spec(self) -> dict[str, Any]:
        target = {"type": "Utilization", "averageUtilization": self.utilization}
        return {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.deployment},
            "minReplicas": 1,
            "maxReplicas": self.replicas_max,
            "metrics": [{"type": "Resource", "resource": {"name": self.metric, "target": target}}],
        }

    async def _now(self, yard: Yard) -> dict[str, Any] | None:
        try:
            return dict(await yard.api.get(_KIND, self.namespace, self.deployment))
        except ApiError as refused:
            if refused.status == 404:
                return None
            raise

    async def _spec_now(self, yard: Yard) -> dict[str, Any] | None:
        found = await self._now(yard)
        return None if found is None else found["spec"]

    async def _set(self, yard: Yard, spec: dict[str, Any] | None) -> None:
        """Made anew, so that the controller looks at it at once and not within its period."""
        if await self._now(yard) is not None:
            await yard.api.delete(_KIND, self.namespace, self.deployment)
        if spec is not None:
            body = {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": self.deployment, "namespace": self.namespace},
                "spec": spec,
            }
            await yard.api.create(_KIND, self.namespace, body)

"""
Scales a deployment of the shop, through the Kubernetes API, as the incident documents do by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import ApiError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import SHOP_NAMESPACE, Yard


@dataclass(frozen=True, kw_only=True)
class ScaleDeployment:
    """
    Sets a deployment's replicas; its cure sets them back.

    With `queue`, the proof also asks the broker: a pod that is gone and a consumer that is gone are two different
    facts. In the lab that the documents come from, a drill once ran to its end with a consumer still alive.
    """

    deployment: str
    namespace: str = SHOP_NAMESPACE
    replicas: int = 0
    queue: str | None = None
    replicas_before: int | None = None

    async def prepare(self, yard: Yard) -> Self:
        try:
            current = await yard.api.get("deployments", self.namespace, self.deployment)
        except ApiError as refused:
            if refused.status != 404:
                raise
            raise DrillyardError(
                f"There is no deployment {self.deployment} in namespace {self.namespace}.",
                hint="`kubectl get deployments -A` shows those that there are.",
            ) from refused
        return replace(self, replicas_before=int(current["spec"].get("replicas", 1)))

    async def put_in(self, yard: Yard) -> None:
        await self._scale(yard, self.replicas)

    async def is_on(self, yard: Yard) -> Proof:
        ready = await yard.ready_addresses(self.deployment, self.namespace)
        seen = f"{ready} ready endpoint(s) of {self.deployment}"
        holds = ready == self.replicas
        if self.queue:
            consumers = (await yard.broker.queue(self.queue)).consumers
            seen += f", {consumers} consumer(s) on {self.queue}"
            holds = holds and consumers == self.replicas
        return Proof(holds and self.replicas_before != self.replicas, seen)

    async def heal(self, yard: Yard) -> None:
        if self.replicas_before is not None:
            await self._scale(yard, self.replicas_before)

    async def is_healed(self, yard: Yard) -> Proof:
        wanted = 1 if self.replicas_before is None else self.replicas_before
        ready = await yard.ready_addresses(self.deployment, self.namespace)
        seen = f"{ready} of {wanted} endpoint(s) of {self.deployment} ready"
        holds = ready == wanted
        if self.queue:
            consumers = (await yard.broker.queue(self.queue)).consumers
            seen += f", {consumers} consumer(s) on {self.queue}"
            holds = holds and consumers >= min(wanted, 1)
        return Proof(holds, seen)

    def touches(self) -> frozenset[str]:
        return frozenset({f"the replicas of {self.namespace}/{self.deployment}"})

    def describe(self) -> str:
        return f"deployment {self.deployment} scaled to {self.replicas}"

    async def _scale(self, yard: Yard, replicas: int) -> None:
        await yard.api.patch(
            "deployments", self.namespace, self.deployment, {"spec": {"replicas": replicas}}, subresource="scale"
        )

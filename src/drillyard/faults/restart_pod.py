"""
Takes a pod away, as a node's maintenance or `kubectl delete pod` does; its deployment makes a new one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from drillyard.base.errors import DrillyardError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import SHOP_NAMESPACE, Yard


@dataclass(frozen=True, kw_only=True)
class RestartPod:
    """
    Deletes every pod of a deployment at once, without grace. What they held in memory or in an emptyDir is gone.

    Proven when none of the old pods is left and as many new ones are Ready. It cannot be undone: its cure waits for the
    new pods, and what was lost stays lost.
    """

    deployment: str
    namespace: str = SHOP_NAMESPACE
    pods_before: list[str] | None = None

    async def prepare(self, yard: Yard) -> Self:
        names = [pod["metadata"]["name"] for pod in await self._pods(yard)]
        if not names:
            raise DrillyardError(f"Deployment {self.namespace}/{self.deployment} has no pod to restart.")
        return replace(self, pods_before=names)

    async def put_in(self, yard: Yard) -> None:
        for name in self.pods_before or ():
            await yard.api.delete("pods", self.namespace, name, grace_s=0)

    async def is_on(self, yard: Yard) -> Proof:
        old, new = await self._look(yard)
        return Proof(not old and new >= len(self.pods_before or ()), f"{old} old pod(s), {new} new pod(s) Ready")

    async def heal(self, yard: Yard) -> None:
        return None

    async def is_healed(self, yard: Yard) -> Proof:
        wanted = max(1, len(self.pods_before or ()))
        ready = await yard.ready_addresses(self.deployment, self.namespace)
        return Proof(ready >= wanted, f"{ready} of {wanted} endpoint(s) of {self.deployment} ready")

    def touches(self) -> frozenset[str]:
        return frozenset({f"the pods of {self.namespace}/{self.deployment}"})

    def describe(self) -> str:
        return f"the pods of {self.deployment} deleted, and made anew"

    async def _look(self, yard: Yard) -> tuple[int, int]:
        pods = await self._pods(yard)
        old = [pod for pod in pods if pod["metadata"]["name"] in (self.pods_before or ())]
        return len(old), min(len(pods) - len(old), await yard.ready_addresses(self.deployment, self.namespace))

    async def _pods(self, yard: Yard) -> list[dict[str, Any]]:
        return list((await yard.api.list("pods", self.namespace, labels=f"name={self.deployment}")).items)

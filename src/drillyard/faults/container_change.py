"""
What faults share that roll a workload out with a container that cannot live.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import ApiError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import SHOP_NAMESPACE, Yard

_RECREATE = {"type": "Recreate"}


@dataclass(frozen=True, kw_only=True)
class ContainerChange:
    """
    A deployment whose first container is changed, with the strategy Recreate: a rolling update would keep the old pod
    until the new one is Ready, which it never is. The cure puts container and strategy back.
    """

    deployment: str
    namespace: str = SHOP_NAMESPACE
    strategy_before: dict[str, Any] | None = None
    container_before: dict[str, Any] | None = None

    def changed(self, container: dict[str, Any]) -> dict[str, Any]:
        """The container as it is to be. Raises DrillyardError when that would change nothing."""
        raise NotImplementedError

    def shows(self, status: dict[str, Any]) -> str:
        """What a container status says of the fault; empty when nothing."""
        raise NotImplementedError

    def describe(self) -> str:
        """What it does, in a short sentence for the record."""
        raise NotImplementedError

    async def prepare(self, yard: Yard) -> Self:
        try:
            workload = await yard.api.get("deployments", self.namespace, self.deployment)
        except ApiError as refused:
            if refused.status != 404:
                raise
            raise DrillyardError(f"There is no deployment {self.namespace}/{self.deployment}.") from refused
        container = workload["spec"]["template"]["spec"]["containers"][0]
        self.changed(container)
        strategy = workload["spec"].get("strategy") or {"type": "RollingUpdate"}
        return replace(self, container_before=container, strategy_before=strategy)

    async def put_in(self, yard: Yard) -> None:
        assert self.container_before is not None, "prepare comes first"
        await self._write(yard, self.changed(self.container_before), _RECREATE)

    async def is_on(self, yard: Yard) -> Proof:
        seen = [text for pod in await self._pods(yard) for text in self._shown_by(pod)]
        ready = await yard.ready_addresses(self.deployment, self.namespace)
        return Proof(bool(seen) and ready == 0, f"{'; '.join(seen) or 'no sign of it yet'}; {ready} ready endpoint(s)")

    async def heal(self, yard: Yard) -> None:
        if self.container_before is not None and self.strategy_before is not None:
            await self._write(yard, self.container_before, self.strategy_before)

    async def is_healed(self, yard: Yard) -> Proof:
        assert self.container_before is not None, "prepare comes first"
        workload = await yard.api.get("deployments", self.namespace, self.deployment)
        as_before = workload["spec"]["template"]["spec"]["containers"][0] == self.container_before
        pods = await self._pods(yard)
        ill = [text for pod in pods for text in self._shown_by(pod)]
        ready = await yard.ready_addresses(self.deployment, self.namespace)
        wanted = int(workload["spec"].get("replicas", 1))
        holds = as_before and not ill and ready == len(pods) == wanted
        return Proof(
            holds, f"{ready} of {wanted} endpoint(s) of {self.deployment} ready" + "".join(f"; {t}" for t in ill)
        )

    def touches(self) -> frozenset[str]:
        return frozenset({f"the container of {self.namespace}/{self.deployment}"})

    def _shown_by(self, pod: dict[str, Any]) -> list[str]:
        statuses = pod.get("status", {}).get("containerStatuses") or ()
        return [text for status in statuses[:1] if (text := self.shows(status))]

    async def _pods(self, yard: Yard) -> list[dict[str, Any]]:
        return (await yard.api.list("pods", self.namespace, labels=f"name={self.deployment}")).items

    async def _write(self, yard: Yard, container: dict[str, Any], strategy: dict[str, Any]) -> None:
        change = [
            {"op": "replace", "path": "/spec/template/spec/containers/0", "value": container},
            {"op": "add", "path": "/spec/strategy", "value": strategy},
        ]
        await yard.api.patch("deployments", self.namespace, self.deployment, change, type="json")

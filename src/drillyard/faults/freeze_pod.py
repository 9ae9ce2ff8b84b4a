"""
Freezes the processes of a deployment's pods: their sockets accept, and nobody answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import ApiError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import SHOP_NAMESPACE, Yard

_PATIENCE_S = 1.0


@dataclass(frozen=True, kw_only=True)
class FreezePod:
    """
    Stops every process of the pods where it is (SIGSTOP); its cure lets them go on (SIGCONT).

    A capability of the yard. Only for services that answer HTTP; where a liveness probe is set, the kubelet restarts
    the container in time. Proven by a request that gets no answer within a second.
    """

    deployment: str
    namespace: str = SHOP_NAMESPACE
    pods: list[str] | None = None

    async def prepare(self, yard: Yard) -> Self:
        listed = (await yard.api.list("pods", self.namespace, labels=f"name={self.deployment}")).items
        if not listed:
            raise DrillyardError(f"Deployment {self.namespace}/{self.deployment} has no pod to freeze.")
        if await self._answers(yard) is None:
            raise DrillyardError(f"{self.deployment} does not answer: a freeze could not be proven.")
        return replace(self, pods=[pod["metadata"]["name"] for pod in listed])

    async def put_in(self, yard: Yard) -> None:
        for pod in self.pods or ():
            await yard.control.freeze(self.namespace, pod)

    async def is_on(self, yard: Yard) -> Proof:
        status = await self._answers(yard)
        return Proof(status is None, f"{self.deployment}: {status or f'no answer within {_PATIENCE_S:g} s'}")

    async def heal(self, yard: Yard) -> None:
        for pod in self.pods or ():
            try:
                await yard.control.thaw(self.namespace, pod)
            except (DrillyardError, ApiError):
                continue  # The pod was replaced meanwhile: a new one is not frozen.

    async def is_healed(self, yard: Yard) -> Proof:
        status = await self._answers(yard)
        return Proof(status is not None, f"{self.deployment}: {status or f'no answer within {_PATIENCE_S:g} s'}")

    def touches(self) -> frozenset[str]:
        return frozenset({f"the pods of {self.namespace}/{self.deployment}"})

    def describe(self) -> str:
        return f"the processes of {self.deployment} frozen"

    async def _answers(self, yard: Yard) -> int | None:
        try:
            return (await yard.look(self.deployment, "/health", timeout_s=_PATIENCE_S)).status
        except DrillyardError:
            return None

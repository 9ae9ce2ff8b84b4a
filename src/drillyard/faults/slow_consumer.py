"""
A queue consumer that takes too long over each message: the queue grows while everything is up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from drillyard.base.errors import DrillyardError
from drillyard.faults.fault import Proof
from drillyard.faults.set_env import SetEnv
from drillyard.yard.yard import Yard


@dataclass(frozen=True, kw_only=True)
class SlowConsumer:
    """
    Rolls `consumer` out with `work_ms` for each message (its setting WORK_MS), 200 in a shop that is well.

    Proven when every pod of it is Ready and runs so; the queue shows the rest. Its cure rolls back.
    """

    work_ms: int
    consumer: str = "queue-master"
    env_before: list[dict[str, Any]] | None = None

    async def prepare(self, yard: Yard) -> Self:
        if not 1 <= self.work_ms <= 3_600_000:
            raise DrillyardError(f"work_ms is {self.work_ms}; it must be from 1 to 3600000.")
        return replace(self, env_before=(await self._setting.prepare(yard)).env_before)

    async def put_in(self, yard: Yard) -> None:
        await self._setting.put_in(yard)

    async def is_on(self, yard: Yard) -> Proof:
        return await self._setting.is_on(yard)

    async def heal(self, yard: Yard) -> None:
        await self._setting.heal(yard)

    async def is_healed(self, yard: Yard) -> Proof:
        return await self._setting.is_healed(yard)

    def touches(self) -> frozenset[str]:
        return self._setting.touches()

    def describe(self) -> str:
        return f"{self.consumer} takes {self.work_ms} ms for each message"

    @property
    def _setting(self) -> SetEnv:
        return SetEnv(name=self.consumer, values={"WORK_MS": str(self.work_ms)}, env_before=self.env_before)

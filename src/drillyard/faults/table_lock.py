"""
Locks a table of a store against its readers too, in cycles: every query waits, and is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from drillyard.base.errors import DrillyardError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import Yard


@dataclass(frozen=True, kw_only=True)
class TableLock:
    """
    LOCK TABLE … IN ACCESS EXCLUSIVE MODE for `hold_ms`, free for `free_ms`, again and again, by a job of another team.

    A capability of the yard: the job lives in its control plane and ends with the cure. Proven by a read through
    `probe_service` that takes at least half a cycle.
    """

    store: str
    database: str
    table: str
    hold_ms: int
    free_ms: int = 20
    probe_service: str
    probe_path: str

    async def prepare(self, yard: Yard) -> Self:
        if (await yard.control.held(self._name))["on"]:
            raise DrillyardError(f"The table {self.table} of {self.store} is already locked.")
        return self

    async def put_in(self, yard: Yard) -> None:
        wish = {"kind": "table_lock", "store": self.store, "database": self.database, "table": self.table}
        await yard.control.hold(self._name, wish | {"hold_ms": self.hold_ms, "free_ms": self.free_ms})

    async def is_on(self, yard: Yard) -> Proof:
        took_ms = (await yard.look(self.probe_service, self.probe_path)).took_s * 1000
        cycles = (await yard.control.held(self._name)).get("cycles", 0)
        holds = took_ms >= self.hold_ms / 2 and cycles > 0
        return Proof(holds, f"{self.probe_service}{self.probe_path} took {took_ms:.0f} ms, locked {cycles} time(s)")

    async def heal(self, yard: Yard) -> None:
        await yard.control.let_go(self._name)

    async def is_healed(self, yard: Yard) -> Proof:
        took_ms = (await yard.look(self.probe_service, self.probe_path)).took_s * 1000
        held = (await yard.control.held(self._name))["on"]
        return Proof(
            not held and took_ms < self.hold_ms / 2, f"{self.probe_service}{self.probe_path}: {took_ms:.0f} ms"
        )

    def touches(self) -> frozenset[str]:
        return frozenset({f"the table {self.table} of {self.store}"})

    def describe(self) -> str:
        return f"table {self.table} of {self.store} locked for {self.hold_ms} ms at a time"

    @property
    def _name(self) -> str:
        return f"lock.{self.store}.{self.table}"

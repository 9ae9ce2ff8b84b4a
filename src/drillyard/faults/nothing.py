"""
The fault that breaks nothing: what a drill does when its fault has no effect is tested with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from drillyard.faults.fault import Proof
from drillyard.yard.yard import Yard


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """Changes nothing, and says so: a drill with it must end INVALID."""

    async def prepare(self, yard: Yard) -> Self:
        return self

    async def put_in(self, yard: Yard) -> None:
        return None

    async def is_on(self, yard: Yard) -> Proof:
        return Proof(False, "nothing was put in")

    async def heal(self, yard: Yard) -> None:
        return None

    async def is_healed(self, yard: Yard) -> Proof:
        return Proof(True, "nothing was put in")

    def touches(self) -> frozenset[str]:
        return frozenset()

    def describe(self) -> str:
        return "nothing"

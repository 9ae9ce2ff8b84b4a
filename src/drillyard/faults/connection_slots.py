"""
Takes all connections of a store that its service could have: the store is up, and has no room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from drillyard.base.errors import DrillyardError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import Yard


@dataclass(frozen=True, kw_only=True)
class ConnectionSlots:
    """
    Opens connections to a store until it refuses more, and ends those that `victim` (its application name) had.

    A capability of the yard. Slots reserved for superusers stay free. Proven by the store, which is full, and by
    `probe_path` of the victim's service, whose answer then holds `probe_says`.
    """

    store: str
    database: str
    victim: str
    probe_path: str = "/health"
    probe_says: str

    async def prepare(self, yard: Yard) -> Self:
        if (await yard.control.held(self._name))["on"]:
            raise DrillyardError(f"The connections of {self.store} are already taken.")
        if self.probe_says in (await yard.look(self.victim, self.probe_path)).text:
            raise DrillyardError(f"{self.victim} already says {self.probe_says}: nothing could be proven.")
        return self

    async def put_in(self, yard: Yard) -> None:
        wish = {"kind": "connection_slots", "store": self.store, "database": self.database, "victim": self.victim}
        await yard.control.hold(self._name, wish)

    async def is_on(self, yard: Yard) -> Proof:
        held = await yard.control.held(self._name)
        said = self.probe_says in (await yard.look(self.victim, self.probe_path)).text
        seen = f"{held.get('taken', 0)} connection(s) taken, {self.victim} {'has' if not said else 'gets'} none"
        return Proof(held["on"] and said, seen if said else seen.replace("has none", "still has one"))

    async def heal(self, yard: Yard) -> None:
        await yard.control.let_go(self._name)

    async def is_healed(self, yard: Yard) -> Proof:
        held = (await yard.control.held(self._name))["on"]
        said = self.probe_says in (await yard.look(self.victim, self.probe_path)).text
        return Proof(not held and not said, f"{self.victim} {'gets no' if said else 'has a'} connection")

    def touches(self) -> frozenset[str]:
        return frozenset({f"the connections of {self.store}"})

    def describe(self) -> str:
        return f"every connection of {self.store} taken"

    @property
    def _name(self) -> str:
        return f"slots.{self.store}"

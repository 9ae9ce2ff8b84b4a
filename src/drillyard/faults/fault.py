"""
What every fault is: data, one way to put it in, its own proof that it is on, its own cure.

A fault is stored before it is put in, and healed from what was stored: the process that broke things may be gone. So
whatever the cure needs to know of the world before (how many replicas there were) is read first, by `prepare`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

from drillyard.base.errors import DrillyardError
from drillyard.yard.yard import Yard


@dataclass(frozen=True)
class Proof:
    """Whether a thing is so, and what was seen."""

    holds: bool
    seen: str


class Fault(Protocol):
    """One breakage. Implementations are frozen dataclasses; their fields are the keys of an incident file."""

    async def prepare(self, yard: Yard) -> Self:
        """
        The same fault with all that its cure will need.

        Changes nothing. Raises DrillyardError if it cannot be put in.
        """

    async def put_in(self, yard: Yard) -> None:
        """Breaks it. Raises DrillyardError when refused."""

    async def is_on(self, yard: Yard) -> Proof:
        """Looks at the effect, not at what was ordered."""

    async def heal(self, yard: Yard) -> None:
        """Repairs it. Harmless twice, and when nothing was put in."""

    async def is_healed(self, yard: Yard) -> Proof:
        """Looks whether the effect is gone."""

    def touches(self) -> frozenset[str]:
        """What it changes: two faults that touch the same thing are refused, because neither could be believed."""

    def describe(self) -> str:
        """What it does, in a short sentence for the record."""


def is_over(fault: Fault, seen: str) -> str:
    """A line for people: what was broken, and what was seen after its cure."""
    return f"Healed: “{fault.describe()}” is over ({seen})."


def refuse_fights(fault: Fault, taken: Mapping[str, str]) -> None:
    """Raises DrillyardError when `taken` (thing → who touches it) holds something that the fault touches."""
    for thing in sorted(fault.touches() & taken.keys()):
        raise DrillyardError(
            f"Two faults fight over {thing}: {taken[thing]}, and {fault.describe()}.",
            hint="Heal the first, or leave one of them out.",
        )


def to_json(fault: Any) -> dict[str, Any]:
    """The fault's own data, as `faults.json` and the record keep it."""
    return asdict(fault)

"""
Heals what a drill left broken that is no longer there to do it.
"""

from __future__ import annotations

from drillyard.base.errors import DrillyardError
from drillyard.faults.active import ActiveFaults
from drillyard.yard.yard import open_yard


async def heal_abandoned(name: str) -> list[str]:
    """One line per fault that was healed. Raises DrillyardError when one could not be."""
    lines: list[str] = []
    async with open_yard(name) as yard:
        faults = ActiveFaults(yard.folder.faults)
        for one in faults.abandoned():
            proof = await faults.heal(one.fault, yard, timeout_s=60)
            if not proof.holds:
                raise DrillyardError(
                    f"{one.fault.describe()} could not be healed: {proof.seen}.",
                    hint="`drill down` and `drill up` give a whole yard.",
                )
            lines.append(f"Healed: {one.fault.describe()} ({proof.seen}).")
    return lines

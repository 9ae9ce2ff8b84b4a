"""
Heals what nobody else will: faults of a drill that was killed, and those put in by hand whose time is over.

`main([YARD])` is what the yard's dead man's switch runs, in a fork of its own.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from drillyard.base.clock import SystemClock
from drillyard.base.errors import DrillyardError
from drillyard.base.processes import go_first
from drillyard.faults.active import ActiveFault, ActiveFaults
from drillyard.faults.fault import is_over
from drillyard.record.abandoned import conclude
from drillyard.yard.yard import open_yard

HEALER = __name__
_HEAL_S = 60.0
Choice = Callable[[ActiveFaults], list[ActiveFault]]


async def heal_abandoned(name: str, *, by: str) -> list[str]:
    """
    One line per fault that was healed. Raises DrillyardError when one could not be.

    The record of a drill that was killed gets its end: that `by` healed the yard, and the verdict INVALID.
    """
    return await _heal(name, lambda active: active.abandoned(), by)


async def heal_all(name: str, *, by: str) -> list[str]:
    """
    Likewise, also those whose time is not over. Raises DrillyardError while a drill runs: it heals its own.

    A drill's faults belong to its own process, those put in by hand to the yard's control plane.
    """
    return await _heal(name, lambda active: active.all(), by, refuse_drills=True)


async def _heal(name: str, choose: Choice, by: str, *, refuse_drills: bool = False) -> list[str]:
    lines: list[tuple[Path | None, str]] = []
    async with open_yard(name) as yard:
        faults = ActiveFaults(yard.folder.faults)
        chosen = choose(faults)
        for one in chosen:
            if refuse_drills and one.owner.alive() and one.owner != yard.state.control_plane:
                raise DrillyardError(
                    f"A drill is being played (pid {one.owner.pid}); it heals what it broke.",
                    hint="Press Ctrl-C where it runs, and it heals at once.",
                )
        healed = await faults.heal([one.fault for one in chosen], yard, timeout_s=_HEAL_S)
    for one, (fault, proof) in zip(reversed(chosen), healed, strict=True):
        if not proof.holds:
            raise DrillyardError(
                f"“{fault.describe()}” could not be healed: {proof.seen}.",
                hint="`drill down` and `drill up` give a whole yard.",
            )
        lines.append((one.record, is_over(fault, proof.seen)))
    for record in {record for record, _ in lines if record is not None}:
        conclude(record, SystemClock(), by=by, lines=[line for of, line in lines if of == record])
    return [line for _, line in lines]


def main(arguments: Sequence[str]) -> int:
    """Heals the yard that is named; 0 when all is well, 1 with a sentence when it is not."""
    go_first()
    try:
        for line in asyncio.run(heal_abandoned(arguments[0], by="the dead man's switch")):
            sys.stderr.write(f"dead man's switch: {line}\n")
    except DrillyardError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0

"""
Puts an incident's faults in for a person who plays by hand: no shoppers, no checks, no report.

They belong to the yard's control plane, so they outlive the command; its dead man's switch heals them when their time
is over.
"""

from __future__ import annotations

from datetime import timedelta

from drillyard.base.clock import SystemClock
from drillyard.base.errors import DrillyardError
from drillyard.faults.active import ActiveFaults, wait_for
from drillyard.incidents.catalogue import faults_of
from drillyard.incidents.schema import Incident
from drillyard.yard.yard import open_yard

_PROOF_S = 15.0
_HEAL_S = 60.0


async def inject(incident: Incident, name: str, *, duration_s: float, after_load: bool) -> list[str]:
    """
    One line per fault that was put in and proven on.

    `after_load` puts in those that follow the orders instead of the first ones. Raises DrillyardError when there is
    nothing to put in, or one has no effect; then all of them are out again.
    """
    chosen = faults_of(incident.after_load if after_load else incident.faults)
    if not chosen:
        raise DrillyardError(
            f"{incident.name} has nothing to put in {'after the orders' if after_load else 'before the orders'}.",
            hint=None if incident.faults else f"The defect is in the shop already: {incident.brief}",
        )
    lines: list[str] = []
    clock = SystemClock()
    until = clock.now() + timedelta(seconds=duration_s)
    async with open_yard(name) as yard:
        active = ActiveFaults(yard.folder.faults, clock)
        done = []
        try:
            for fault in chosen:
                prepared = await active.put_in(fault, yard, until, owner=yard.state.control_plane)
                done.append(prepared)
                proof = await wait_for(prepared.is_on, yard, clock, _PROOF_S)
                if not proof.holds:
                    raise DrillyardError(f"It has no effect ({prepared.describe()}): {proof.seen}.")
                lines.append(f"On: {prepared.describe()} ({proof.seen}).")
        except BaseException:
            for prepared in reversed(done):
                await active.heal(prepared, yard, timeout_s=_HEAL_S)
            raise
    return lines

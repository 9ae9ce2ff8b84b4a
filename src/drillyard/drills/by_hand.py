"""
Puts faults in, an incident's or single ones, for a person who plays by hand: no shoppers, no checks, no report.

They belong to the yard's control plane, so they outlive the command; its dead man's switch heals them when their time
is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

from drillyard.base.clock import SystemClock
from drillyard.base.errors import DrillyardError, SettingError
from drillyard.drills.one_at_a_time import one_at_a_time
from drillyard.faults.active import ActiveFaults, wait_for
from drillyard.faults.fault import Fault, to_json
from drillyard.faults.registry import build, name_of
from drillyard.incidents.catalogue import faults_of
from drillyard.incidents.schema import Incident
from drillyard.yard.yard import open_yard

_PROOF_S = 15.0
_HEAL_S = 60.0


def chosen_faults(incident: Incident, *, after_load: bool) -> list[Fault]:
    """
    The incident's first faults, or those that follow the orders.

    Raises SettingError when there is nothing to put in.
    """
    chosen = faults_of(incident.after_load if after_load else incident.faults)
    if not chosen:
        raise SettingError(
            f"{incident.name} has nothing to put in {'after the orders' if after_load else 'before the orders'}.",
            hint=None if incident.faults else f"The defect is in the shop already: {incident.brief}",
        )
    return chosen


def graded(fault: Fault, *, share: float | None, seed: int | None) -> Fault:
    """
    The same fault for a `share` of its requests, drawn with `seed`; None leaves either as it is.

    Raises SettingError when it strikes all or nothing.
    """
    known = to_json(fault)
    wanted = {key: value for key, value in (("share", share), ("seed", seed)) if value is not None}
    for key in wanted.keys() - known.keys():
        raise SettingError(f"“{fault.describe()}” cannot be graded: it has no {key}.")
    return build(name_of(fault), known | wanted)


async def inject(chosen: Sequence[Fault], name: str, *, duration_s: float, wait_s: float = 0.0) -> list[str]:
    """
    One line per fault that was put in, after `wait_s`, and proven on.

    Raises DrillyardError while a drill is played, and when one has no effect; then all of them are out again.
    """
    lines: list[str] = []
    clock = SystemClock()
    await clock.sleep(wait_s)
    until = clock.now() + timedelta(seconds=duration_s)
    async with open_yard(name) as yard, AsyncExitStack() as stack:
        stack.enter_context(one_at_a_time(yard.folder))
        active = ActiveFaults(yard.folder.faults, clock)
        known = active.all()
        try:
            for fault in chosen:
                prepared = await active.put_in(fault, yard, until, owner=yard.state.control_plane)
                proof = await wait_for(prepared.is_on, yard, clock, _PROOF_S)
                if not proof.holds:
                    raise DrillyardError(f"It has no effect ({prepared.describe()}): {proof.seen}.")
                lines.append(f"On: {prepared.describe()} ({proof.seen}).")
        except BaseException:
            # From the list, and not from what was returned: one that failed half-way is on it too.
            mine = [one.fault for one in active.all() if one not in known]
            await active.heal(mine, yard, timeout_s=_HEAL_S)
            raise
    return lines

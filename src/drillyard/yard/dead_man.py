"""
The dead man's switch: heals faults whose owner is gone or whose time is over, from outside whoever put them in.

It reads the yard's list of active faults and knows nothing of faults. How they are healed is told from above: the name
of a module whose `main([YARD])` runs in a process of its own, with a limit. It is forked where most of what it needs is
imported already: on a machine that is busy (and that is when runners are killed) imports alone would take seconds.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from datetime import datetime
from typing import Any

from drillyard.base.clock import Clock
from drillyard.base.processes import ProcessId
from drillyard.base.spawner import Spawner, SpawnError, SpawnSpec
from drillyard.yard.home import YardFolder

_log = logging.getLogger(__name__)
_LOOK_S = 0.5
# Time for a runner's successor, a person at `drill recover`, to be first.
GRACE_S = 5.0
_HEAL_MAX_S = 120.0
_RETRY_S = 5.0


async def watch(folder: YardFolder, healer: str, spawner: Spawner, clock: Clock) -> None:
    """Watches until cancelled."""
    while True:
        await clock.sleep(_LOOK_S)
        if not overdue(folder, clock):
            continue
        await clock.sleep(GRACE_S)
        if overdue(folder, clock) and not await _heal(folder.name, healer, spawner):
            await clock.sleep(_RETRY_S)


def overdue(folder: YardFolder, clock: Clock) -> bool:
    """Whether a fault on the list has nobody left to heal it, or is past its time. A list being damaged says no."""
    try:
        rows: list[dict[str, Any]] = json.loads(folder.faults.read_text())
        return any(_abandoned(row, clock.now()) for row in rows)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _abandoned(row: dict[str, Any], now: datetime) -> bool:
    owner = ProcessId(row["owner"]["pid"], row["owner"]["started"])
    return not owner.alive() or now > datetime.fromisoformat(row["until"])


async def _heal(yard: str, healer: str, spawner: Spawner) -> bool:
    spec = SpawnSpec(entry=f"{healer}:main", argv=[yard], env=os.environ, cwd="/", stdout=2, stderr=2)
    code: int | str
    try:
        process = await spawner.spawn(spec)
        try:
            code = await asyncio.wait_for(process.wait(), _HEAL_MAX_S)
        finally:
            process.signal(signal.SIGKILL, session=True)
    except (SpawnError, TimeoutError) as failed:
        code = str(failed) or f"not done within {_HEAL_MAX_S:g} s"
    if code:
        _log.error("the dead man's switch could not heal (%s); it tries again", code)
    return code == 0

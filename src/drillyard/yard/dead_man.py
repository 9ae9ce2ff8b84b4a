"""
The dead man's switch: heals faults whose owner is gone or whose time is over, from outside whoever put them in.

It reads the yard's list of active faults and knows nothing of faults. How they are healed is told from above: the name
of a module that is run as `python -m MODULE YARD`, in a process of its own with a limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from datetime import datetime
from typing import Any

from drillyard.base.clock import Clock
from drillyard.base.processes import ProcessId
from drillyard.yard.home import YardFolder

_log = logging.getLogger(__name__)
_LOOK_S = 0.5
# Time for a runner's successor, a person at `drill recover`, to be first.
GRACE_S = 5.0
_HEAL_MAX_S = 120.0
_RETRY_S = 5.0


async def watch(folder: YardFolder, healer: str, clock: Clock) -> None:
    """Watches until cancelled."""
    while True:
        await clock.sleep(_LOOK_S)
        if not overdue(folder, clock):
            continue
        await clock.sleep(GRACE_S)
        if overdue(folder, clock) and not await _heal(folder.name, healer):
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


async def _heal(yard: str, healer: str) -> bool:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", healer, yard, stdin=asyncio.subprocess.DEVNULL, cwd="/"
    )
    try:
        async with asyncio.timeout(_HEAL_MAX_S):
            code = await process.wait()
    except TimeoutError:
        code = -1
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if code:
        _log.error("the dead man's switch could not heal (exit code %d); it tries again", code)
    return code == 0

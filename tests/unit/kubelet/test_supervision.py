from __future__ import annotations

import asyncio

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.cluster.supervision import supervised


async def test_work_that_dies_is_logged_and_started_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, starts = VirtualClock(), []

    async def work() -> None:
        starts.append(clock.elapsed_s)
        if len(starts) < 3:
            raise RuntimeError("the kettle is empty")
        await clock.sleep(1000)

    task = supervised("tea", work, clock)
    await clock.advance(10)
    assert starts == [0, 1, 2]
    assert caplog.text.count("tea has died") == 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

"""A yard that goes down under a drill ends it at once: its ports may be a stranger's by then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.drills.scene import Scene
from drillyard.record.reader import Record
from drillyard.record.verdicts import Outcome

from .test_play import played

Make = Callable[..., Scene]


@pytest.mark.parametrize("phase", ["baseline", "load", "last", "heal", "verify"])
async def test_a_drill_whose_yard_goes_down_is_invalid_and_over(
    phase: str, make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    scene = make_scene(duration_s=60.0)

    def look(name: str, text: str) -> None:
        if name == phase:
            yard.is_gone = True
            yard.folder.faults.unlink(missing_ok=True)  # Its folder goes with it.

    scene.audience.phase = look  # type: ignore[method-assign]
    verdict = await played(scene, clock)

    assert (verdict.outcome, verdict.reason) == (
        Outcome.INVALID,
        "Yard default went down while the drill was played in it.",
    )
    assert Record.open(scene.record.path).verdict == verdict


async def test_a_yard_that_stays_up_ends_nothing(make_scene: Make, clock: VirtualClock) -> None:
    assert (await played(make_scene(), clock)).outcome is Outcome.KEPT

"""Slow pages are told from failed ones, and one slow view from a slow shop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.drills import views
from drillyard.drills.scene import Scene
from drillyard.incidents.expectation import Pages

Make = Callable[..., Scene]


async def in_time(clock: VirtualClock, work: Any) -> Any:
    import asyncio

    task = asyncio.ensure_future(work)
    for _ in range(5000):
        if task.done():
            break
        await clock.advance(0.05)
    return await task


async def seen(scene: Scene, clock: VirtualClock, what: Pages, phase: str = "while-on") -> tuple[Any, Any]:
    look, _, _ = views.look_at(scene, what, phase)
    result: tuple[Any, Any] = await in_time(clock, look())
    return result


@pytest.mark.parametrize("busy_s", [0.0, 0.5])
@pytest.mark.parametrize(("more_s", "kept"), [(0.0, False), (0.25, False), (0.35, True)])
async def test_slow_means_that_much_over_before_also_on_a_busy_machine(
    more_s: float, kept: bool, busy_s: float, make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    scene = make_scene("catalogue-db-slow")
    yard.page_took_s += busy_s
    scene.views_before = await in_time(clock, views.baseline(scene, 5))
    yard.page_took_s += more_s
    scene.views = await in_time(clock, views.measure(scene, 5))

    assert len(scene.views_before) == 20
    assert (await seen(scene, clock, Pages(http_status=200, p95_more_s_least=0.3)))[0] is kept


async def test_an_error_that_is_served_as_200_is_no_page(make_scene: Make, yard: Any, clock: VirtualClock) -> None:
    scene = make_scene("catalogue-db-pool")
    scene.views_before = await in_time(clock, views.baseline(scene, 5))
    yard.page_error = "Do: database connection error"
    scene.views = await in_time(clock, views.measure(scene, 5))

    kept, text = await seen(scene, clock, Pages(http_status=200))
    assert (kept, "5 × “Do: database connection error”" in text) == (False, True)
    assert (await seen(scene, clock, Pages(http_status=200, error="database connection error")))[0]


async def test_no_view_is_no_proof(make_scene: Make, yard: Any, clock: VirtualClock) -> None:
    assert not (await seen(make_scene("catalogue-db-slow"), clock, Pages(http_status=200)))[0]


async def test_after_the_cure_the_pages_are_measured_again_until_they_are_well(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    scene = make_scene("catalogue-db-slow")
    scene.views_before = await in_time(clock, views.baseline(scene, 5))
    asked = len(scene.views_before)
    yard.page_took_s = 5.0

    assert not (await seen(scene, clock, Pages(http_status=200, p95_more_s_most=0.15), "recovered"))[0]
    yard.page_took_s = 0.02
    assert (await seen(scene, clock, Pages(http_status=200, p95_more_s_most=0.15), "recovered"))[0]
    assert asked == 20

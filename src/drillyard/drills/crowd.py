"""
A load profile in a drill: proven clean on the whole shop first, then played while the fault is on.
"""

from __future__ import annotations

from drillyard.drills import expectations
from drillyard.drills.scene import Scene
from drillyard.load.crowd import Crowd, CrowdReport
from drillyard.load.shopping import Habits
from drillyard.record.verdicts import Check, judge_later


async def rehearse(scene: Scene) -> Check:
    """Each act of the profile once: a load with mistakes of its own would be counted as the fault's victims."""

    async def look() -> expectations.Seen:
        problems = await _crowd(scene, double_click=False).rehearse()
        return not problems, "; ".join(problems) or "nothing failed"

    claim = f"The load profile {scene.settings.profile} makes no mistake on a whole shop"
    return await judge_later("baseline-load", claim, "no failure", look)


async def come(scene: Scene) -> None:
    """Plays it to its end, or until so many orders were tried; writes `evidence/load-profile.json`."""
    crowd = _crowd(scene, double_click=scene.incident.load.double_click)
    try:
        await crowd.come()
    finally:
        told = {"name": scene.settings.profile, "profile": str(crowd.profile), **crowd.report.to_json()}
        scene.record.evidence("load-profile", told)
    scene.say(_told(scene, crowd.report))


def _crowd(scene: Scene, *, double_click: bool) -> Crowd:
    assert scene.profile is not None, "only a drill with a profile has a crowd"
    return Crowd(
        scene.yard.url("front-end"),
        scene.profile,
        scene.settings.seed,
        scene.clock,
        scene.ledger,
        orders_max=scene.settings.orders,
        habits=Habits(double_click=double_click),
        transport=scene.transport,
    )


def _told(scene: Scene, report: CrowdReport) -> str:
    looks = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(report.looks.items()))
    return (
        f"{report.users} shopper(s) came within {report.took_s:.0f} s: {len(scene.ledger)} attempt(s) to order; "
        f"looks at pages: {looks or 'none'}. The load took {report.processor_share:.0%} of one processor."
    )

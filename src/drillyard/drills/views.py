"""
Page views of the catalogue, measured at the baseline and while the fault is on, and held against each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

from drillyard.drills.scene import Scene
from drillyard.incidents.expectation import Pages
from drillyard.load.browsing import View, browse, p95_s

Seen = tuple[bool | None, object]
_BASELINE_LEAST = 20
_AGAIN_S = 60.0


async def baseline(scene: Scene, count: int) -> list[View]:
    """At least twenty, so that one slow view of a busy machine is not the percentile; none when none are wanted."""
    return await measure(scene, max(count, _BASELINE_LEAST)) if count else []


async def measure(scene: Scene, count: int) -> list[View]:
    """So many views, through the front end, in an order that the seed draws."""
    return await browse(scene.yard.url("front-end"), count, scene.settings.seed, scene.clock, transport=scene.transport)


def look_at(scene: Scene, what: Pages, phase: str) -> tuple[Callable[[], Awaitable[Seen]], str, str]:
    """The look, the claim and what is expected."""
    limits = [f"at least {what.p95_more_s_least:g} s" if what.p95_more_s_least else ""]
    limits.append(f"at most {what.p95_more_s_most:g} s" if what.p95_more_s_most else "")
    slow = " and ".join(filter(None, limits))
    shown = f"the error “{what.error}”" if what.error else "no error"
    expected = f"{what.http_status} and showed {shown}" + (f", p95 {slow} over the baseline's" if slow else "")

    async def look() -> Seen:
        # Recovered is what is measured after the cure; while on, what the visitors saw.
        views = scene.views if phase == "while-on" else await measure(scene, len(scene.views_before))
        statuses = Counter(view.http_status for view in views)
        now_s, before_s = p95_s(views), p95_s(scene.views_before)
        errors = [view.error or "" for view in views]
        shown_as_said = all(what.error in error if what.error else not error for error in errors)
        kept = bool(views) and set(statuses) == {what.http_status} and shown_as_said
        kept = kept and (what.p95_more_s_least is None or now_s - before_s >= what.p95_more_s_least)
        kept = kept and (what.p95_more_s_most is None or now_s - before_s <= what.p95_more_s_most)
        answers = ", ".join(f"{count} × {status or 'no answer'}" for status, count in statuses.items()) or "no view"
        answers += "".join(f", {count} × “{error}”" for error, count in Counter(filter(None, errors)).items())
        times = now_s / max(before_s, 0.001)
        return kept, (
            f"{answers}; p95 {now_s * 1000:.0f} ms, {times:.1f} times the baseline's {before_s * 1000:.0f} ms"
        )

    async def look_again() -> Seen:
        """After the cure a machine may be busy for a moment; a shop that stays slow stays slow."""
        deadline = scene.clock.monotonic_s() + _AGAIN_S
        while True:
            kept, seen = await look()
            if kept or scene.clock.monotonic_s() >= deadline:
                return kept, seen
            await scene.clock.sleep(0.5)

    return look if phase == "while-on" else look_again, f"Catalogue pages were answered {expected}", expected

"""An incident under a load profile: what it counts is what the crowd did, and a load with mistakes is no load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.drills.scene import Scene
from drillyard.load import profiles
from drillyard.record.reader import Record
from drillyard.record.verdicts import Outcome

from .test_money import not_kept
from .test_play import played

Make = Callable[..., Scene]


@pytest.fixture(autouse=True)
def one_shopper(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop in memory knows one session."""
    alone = replace(profiles.PROFILES["payment-failure-test"], users=1, run_time_s=20)
    monkeypatch.setitem(profiles.PROFILES, "payment-failure-test", alone)  # type: ignore[arg-type]


async def test_the_crowd_s_orders_are_the_incident_s(make_scene: Make, clock: VirtualClock) -> None:
    scene = make_scene(profile="payment-failure-test")

    verdict = await played(scene, clock)

    assert not_kept(verdict) == []
    assert verdict.checks[4].name == "baseline-load"
    assert scene.attempts == len(scene.ledger) > 4
    told = Record.open(scene.record.path).evidence("load-profile")
    assert (told["name"], told["users"]) == ("payment-failure-test", 1)


async def test_so_many_orders_end_it_early(make_scene: Make, clock: VirtualClock) -> None:
    scene = make_scene(profile="payment-failure-test", orders=2)

    assert (await played(scene, clock)).outcome is Outcome.KEPT
    assert scene.attempts == 2


async def test_too_few_orders_to_see_it_are_no_drill(make_scene: Make, clock: VirtualClock) -> None:
    scene = make_scene("payment-500", profile="payment-failure-test", orders=2)
    scene.incident = scene.incident.model_copy(update={"load": scene.incident.load.model_copy(update={"least": 4})})

    verdict = await played(scene, clock)

    assert verdict.outcome is Outcome.INVALID
    assert "The crowd tried 2 order(s); this shows itself only from 4 on." in verdict.reason


async def test_a_load_with_mistakes_of_its_own_makes_the_drill_invalid(make_scene: Make, clock: VirtualClock) -> None:
    name = "dbg"  # The shop in memory has an index page; a profile that looks for another one is mistaken.
    wrong = replace(profiles.PROFILES[name], users=1, pages={"/catalogue/images/none": 1})
    scene = make_scene(profile=name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(profiles.PROFILES, name, wrong)  # type: ignore[arg-type]
        verdict = await played(scene, clock)

    assert verdict.outcome is Outcome.INVALID
    assert "GET /catalogue/images/none was answered 404" in verdict.reason
    assert len(scene.ledger) == 0

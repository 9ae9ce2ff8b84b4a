"""Where an incident leaves money and orders apart, the drill promises exactly that, order by order, and nothing less."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.drills import play
from drillyard.drills.report import judge_again
from drillyard.drills.scene import Scene
from drillyard.load.shopping import Habits
from drillyard.record.reader import Record
from drillyard.record.verdicts import Outcome

from .test_play import check_named, played

Make = Callable[..., Scene]


def not_kept(verdict: Any) -> list[tuple[str, str]]:
    return [(check.name, check.seen) for check in verdict.checks if check.outcome is not Outcome.KEPT]


@pytest.mark.parametrize("name", ["payment-captured-lost", "payment-500"])
async def test_the_promise_is_kept_where_the_bank_does_what_it_should(
    name: str, make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    verdict = await played(make_scene(name), clock)

    assert not_kept(verdict) == []
    assert yard.behaviour_on["mode"] == "none"


async def test_every_charged_and_failed_order_is_listed_by_its_id(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    scene = make_scene("payment-captured-lost")
    await played(scene, clock)

    record = Record.open(scene.record.path)
    found = record.evidence("reconciliation")["disagreements"]
    failed = {order["id"] for order in yard.stored.values() if order["status"] == "PAYMENT_FAILED"}
    assert {(one["order_id"], one["order_class"]) for one in found} == {(id, "charged_order_failed") for id in failed}
    assert len(failed) == scene.orders
    assert check_named(judge_again(record), "audit-orders").outcome is Outcome.KEPT


async def test_a_bank_that_took_nothing_breaks_the_promise_of_taken_money(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    yard.forgetful_bank = True

    verdict = await played(make_scene("payment-captured-lost"), clock)

    assert verdict.outcome is Outcome.BROKEN
    assert check_named(verdict, "while-on-order-book").seen.endswith("4 × 0 charge(s)")
    assert check_named(verdict, "reconciliation").outcome is Outcome.BROKEN


async def test_the_report_does_not_believe_in_disagreements_that_were_not_promised(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    scene = make_scene("payment-captured-lost")
    await played(scene, clock)
    expected = scene.record.path / "evidence" / "expected-disagreements.json"
    expected.write_text(json.dumps({"charged_order_failed": 3}))

    assert check_named(judge_again(Record.open(scene.record.path)), "audit-orders").outcome is Outcome.BROKEN


async def test_a_double_click_that_orders_once_breaks_the_promise(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    kept = await played(make_scene("double-click"), clock)
    assert not_kept(kept) == []

    scene = make_scene("double-click")
    place, first = yard._place, {}

    def once() -> Any:
        key = (yard.username, len(scene.ledger))
        if key not in first:
            first[key] = place()
        return first[key]

    yard._place = once
    verdict = await played(scene, clock)

    assert verdict.outcome is Outcome.BROKEN
    assert check_named(verdict, "while-on-ordered-twice").outcome is Outcome.BROKEN


async def test_a_double_click_that_was_never_made_makes_the_drill_invalid(
    make_scene: Make, yard: Any, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sabotaged: the shoppers click once. The shop is not to be praised for it."""
    monkeypatch.setattr(play, "Habits", lambda **_: Habits())

    verdict = await played(make_scene("double-click"), clock)

    assert verdict.outcome is Outcome.INVALID
    assert check_named(verdict, "fault-is-on").seen.startswith("0 of 3 clicked twice")


async def test_a_second_click_that_never_reaches_the_shop_makes_the_drill_invalid(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    said = yard._say
    yard._say = lambda service, text: None if service == "front-end" and "POST /orders" in text else said(service, text)

    verdict = await played(make_scene("double-click"), clock)

    assert verdict.outcome is Outcome.INVALID
    assert "The fault was never on" in verdict.reason

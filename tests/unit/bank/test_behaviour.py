"""
Ways to misbehave: what each does to the caller, and exactly what the ledger holds afterwards.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drillyard.bank.behaviour import MODES, Behaviour, Misbehaviour
from drillyard.base.clock import VirtualClock
from drillyard.base.errors import DrillyardError

ADMIN = {"Authorization": "Bearer admin"}


@pytest.mark.parametrize(
    ("mode", "status", "charges"),
    [("error_before_capture", 500, 0), ("error_after_capture", 500, 1), ("rate_limit", 429, 0)],
)
async def test_a_failing_gateway_takes_the_money_or_not_as_its_mode_says(
    bank: Any, mode: str, status: int, charges: int
) -> None:
    await bank.misbehave(mode=mode)

    answer = await bank.pay()

    assert answer.status_code == status
    assert len(await bank.charges()) == charges


async def test_a_gateway_that_hangs_up_has_taken_the_money(bank: Any) -> None:
    await bank.misbehave(mode="hang_up_after_capture")

    with pytest.raises(ConnectionAbortedError):
        await bank.pay()

    (charge,) = await bank.charges()
    assert charge["status"] == "succeeded"


@pytest.mark.parametrize(("mode", "charges_meanwhile"), [("slow_before_capture", 0), ("slow_after_capture", 1)])
async def test_a_slow_gateway_waits_before_or_after_it_takes_the_money(
    bank: Any, clock: VirtualClock, mode: str, charges_meanwhile: int
) -> None:
    await bank.misbehave(mode=mode, delay_s=12)
    payment = asyncio.create_task(bank.pay())
    for _ in range(20):
        meanwhile = await bank.charges()

    assert len(meanwhile) == charges_meanwhile
    assert not payment.done()
    await clock.advance(11.9)
    assert not payment.done()
    await clock.advance(0.1)
    assert (await payment).json()["status"] == "succeeded"
    assert clock.elapsed_s == 12


async def test_a_lost_answer_is_given_to_whoever_asks_again_under_the_same_key(bank: Any) -> None:
    await bank.misbehave(mode="error_after_capture")
    assert (await bank.pay("order-1")).status_code == 500
    await bank.caller.delete("/admin/behaviour", headers=ADMIN)

    again = await bank.pay("order-1")

    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert len(await bank.charges()) == 1


async def test_only_requests_that_ask_for_money_are_struck(bank: Any) -> None:
    identifier = (await bank.pay()).json()["latest_charge"]
    await bank.misbehave(mode="error_before_capture")

    assert (await bank.get("/v1/charges")).status_code == 200
    assert (await bank.post("/v1/payment_intents", amount=500, currency="usd")).status_code == 200
    assert (await bank.post("/v1/refunds", charge=identifier)).status_code == 200
    assert (await bank.get("/v1/balance")).status_code == 200
    report = (await bank.caller.get("/admin/behaviour", headers=ADMIN)).json()
    assert (report["seen"], report["struck"]) == (0, 0)


async def test_a_declined_card_is_answered_truthfully_by_a_gateway_that_loses_answers(bank: Any) -> None:
    await bank.misbehave(mode="error_after_capture")

    assert (await bank.pay(payment_method="pm_card_chargeDeclined")).status_code == 402


async def test_the_admin_api_reports_what_is_on_and_heals(bank: Any) -> None:
    put = await bank.misbehave(mode="rate_limit", share=0.5, seed=7)
    for _ in range(20):
        await bank.pay()

    report = (await bank.caller.get("/admin/behaviour", headers=ADMIN)).json()
    assert put.json()["seen"] == 0
    assert (report["mode"], report["share"], report["seed"], report["seen"]) == ("rate_limit", 0.5, 7, 20)
    assert 0 < report["struck"] < 20
    assert len(await bank.charges()) == 20 - report["struck"]
    for _ in range(2):
        healed = await bank.caller.delete("/admin/behaviour", headers=ADMIN)
        assert healed.json()["mode"] == "none"
    assert (await bank.pay()).status_code == 200


async def test_the_admin_api_wants_its_own_key(bank: Any) -> None:
    answer = await bank.caller.put("/admin/behaviour", json={"mode": "rate_limit"})

    assert answer.status_code == 401
    assert (await bank.pay()).status_code == 200


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ([], "JSON object"),
        ({}, "mode"),
        ({"mode": "explode"}, "explode"),
        ({"mode": "rate_limit", "share": 2}, "share"),
        ({"mode": "rate_limit", "share": "half"}, "share"),
        ({"mode": "rate_limit", "share": float("nan")}, "share"),
        ({"mode": "slow_before_capture"}, "delay_s"),
        ({"mode": "slow_before_capture", "delay_s": 1e9}, "delay_s"),
        ({"mode": "rate_limit", "seed": 1.5}, "seed"),
        ({"mode": "rate_limit", "seed": True}, "seed"),
        ({"mode": "rate_limit", "depth": 1}, "depth"),
    ],
)
def test_a_behaviour_that_makes_no_sense_is_refused_by_name(data: object, named: str) -> None:
    with pytest.raises(DrillyardError, match=named):
        Behaviour.from_json(data)


async def test_a_behaviour_that_is_not_json_is_refused(bank: Any) -> None:
    answer = await bank.caller.put("/admin/behaviour", content=b"{", headers=ADMIN)

    assert answer.status_code == 400
    assert "not JSON" in answer.json()["error"]["message"]


def test_the_same_seed_strikes_the_same_requests_and_another_seed_other_ones() -> None:
    def plans(seed: int) -> list[object]:
        misbehaviour = Misbehaviour()
        misbehaviour.put_in(Behaviour(mode="intermittent", share=0.6, delay_s=1, seed=seed))
        return [misbehaviour.plan() for _ in range(50)]

    assert plans(1) == plans(1)
    assert plans(1) != plans(2)


def test_intermittent_is_healthy_slow_and_failing_in_its_share() -> None:
    misbehaviour = Misbehaviour()
    misbehaviour.put_in(Behaviour(mode="intermittent", share=0.6, delay_s=2, seed=3))

    plans = [misbehaviour.plan() for _ in range(1000)]

    slow = sum(plan.wait_before_s == 2 for plan in plans)
    failing = sum(plan.refuse == 500 for plan in plans)
    assert 250 < slow < 350
    assert 250 < failing < 350


def test_no_misbehaviour_changes_nothing() -> None:
    misbehaviour = Misbehaviour()

    plans = {misbehaviour.plan() for _ in range(100)}

    assert len(plans) == 1
    assert misbehaviour.report()["struck"] == 0
    assert set(MODES) >= {"none", "intermittent"}

"""
Idempotency keys: sent twice, taken once.
"""

from __future__ import annotations

import asyncio
from typing import Any


async def test_the_same_request_under_one_key_takes_money_once_and_gets_the_same_answer(bank: Any) -> None:
    first = await bank.pay("order-1", metadata__order_id="1")
    second = await bank.pay("order-1", metadata__order_id="1")

    assert first.json() == second.json()
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"]
    assert second.headers["idempotency-key"] == "order-1"
    assert len(await bank.charges()) == 1
    assert len(bank.log) == 1


async def test_a_declined_card_is_replayed_too(bank: Any) -> None:
    first = await bank.pay("k", payment_method="pm_card_chargeDeclined")
    second = await bank.pay("k", payment_method="pm_card_chargeDeclined")

    assert (first.status_code, second.status_code) == (402, 402)
    assert first.json() == second.json()
    assert len(await bank.charges()) == 1


async def test_a_key_used_with_other_parameters_is_refused(bank: Any) -> None:
    await bank.pay("k")

    answer = await bank.pay("k", amount=2000)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "idempotency_error"
    assert "same parameters they were first used with" in answer.json()["error"]["message"]
    assert len(await bank.charges()) == 1


async def test_a_key_used_for_another_path_is_refused(bank: Any) -> None:
    await bank.pay("k")

    answer = await bank.post("/v1/refunds", "k", charge=(await bank.charges())[0]["id"])

    assert answer.json()["error"]["type"] == "idempotency_error"
    assert "('/v1/refunds' vs '/v1/payment_intents')" in answer.json()["error"]["message"]


async def test_a_refused_request_leaves_its_key_free(bank: Any) -> None:
    assert (await bank.pay("k", currency="xyz")).status_code == 400

    assert (await bank.pay("k")).status_code == 200


async def test_a_second_request_is_told_when_the_first_is_still_served(bank: Any) -> None:
    await bank.misbehave(mode="slow_after_capture", delay_s=10)
    first = asyncio.create_task(bank.pay("k"))
    while not await bank.charges():
        await asyncio.sleep(0)

    second = await bank.pay("k")

    assert second.status_code == 409
    assert second.json()["error"]["code"] == "idempotency_key_in_use"
    await bank.clock.advance(10)
    assert (await first).status_code == 200
    await bank.misbehave(mode="none")
    assert (await bank.pay("k")).headers["idempotent-replayed"] == "true"
    assert len(await bank.charges()) == 1


async def test_a_key_is_forgotten_after_a_day(bank: Any) -> None:
    await bank.pay("k")
    await bank.clock.advance(24 * 3600 + 1)

    assert (await bank.pay("k", amount=2000)).status_code == 200
    assert len(await bank.charges()) == 2


async def test_twenty_requests_at_once_under_one_key_take_money_once(bank: Any) -> None:
    answers = await asyncio.gather(*(bank.pay("k") for _ in range(20)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len(await bank.charges()) == 1


async def test_a_key_of_300_characters_is_refused(bank: Any) -> None:
    assert (await bank.pay("k" * 300)).json()["error"]["type"] == "idempotency_error"

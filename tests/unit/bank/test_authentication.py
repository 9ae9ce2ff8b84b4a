"""
Cards whose holder must authenticate (3D Secure): the intent waits, and nobody is charged meanwhile.
"""

from __future__ import annotations

from typing import Any

import pytest

CARD = "pm_card_threeDSecure2Required"


async def test_an_intent_waits_for_its_customer_and_takes_no_money(bank: Any) -> None:
    intent = (await bank.pay(payment_method=CARD)).json()

    assert (intent["status"], intent["amount_received"], intent["latest_charge"]) == ("requires_action", 0, None)
    assert intent["next_action"]["type"] == "use_stripe_sdk"
    assert await bank.charges() == []


async def test_another_card_pays_what_waits(bank: Any) -> None:
    identifier = (await bank.pay(payment_method=CARD)).json()["id"]

    paid = (await bank.post(f"/v1/payment_intents/{identifier}/confirm", payment_method="pm_card_visa")).json()

    assert (paid["status"], paid["next_action"]) == ("succeeded", None)


async def test_what_waits_can_be_canceled(bank: Any) -> None:
    identifier = (await bank.pay(payment_method=CARD)).json()["id"]

    assert (await bank.post(f"/v1/payment_intents/{identifier}/cancel")).json()["status"] == "canceled"


@pytest.mark.parametrize("word", ["off_session", "error_on_requires_action"])
async def test_without_the_customer_the_card_is_declined(bank: Any, word: str) -> None:
    answer = await bank.pay(payment_method=CARD, **{word: "true"})

    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (402, "card_error", "authentication_required")
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert error["payment_intent"]["last_payment_error"]["code"] == "authentication_required"
    assert [charge["status"] for charge in await bank.charges()] == ["failed"]


async def test_the_charges_api_has_no_such_step_and_declines(bank: Any) -> None:
    answer = await bank.post("/v1/charges", amount=500, currency="usd", source="tok_threeDSecureRequired")

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["decline_code"]) == (
        402,
        "card_declined",
        "authentication_required",
    )

"""
Payment intents: every way from created to succeeded, declined, captured or canceled, and the money on each.
"""

from __future__ import annotations

from typing import Any

import pytest


async def test_a_confirmed_intent_takes_the_money_and_names_the_order(bank: Any) -> None:
    intent = (await bank.pay(metadata__order_id="6900953ac1f4320001b50703")).json()

    assert intent["status"] == "succeeded"
    assert intent["amount_received"] == 1999
    (charge,) = await bank.charges()
    assert charge["id"] == intent["latest_charge"]
    assert charge["payment_intent"] == intent["id"]
    assert charge["metadata"] == {"order_id": "6900953ac1f4320001b50703"}
    assert (charge["captured"], charge["amount_captured"], charge["status"]) == (True, 1999, "succeeded")


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
async def test_a_declined_card_is_402_and_its_failed_charge_stays_in_the_ledger(
    bank: Any, method: str, code: str, decline_code: str
) -> None:
    answer = await bank.pay(payment_method=method)

    error = answer.json()["error"]
    assert answer.status_code == 402
    assert (error["type"], error["code"], error["decline_code"]) == ("card_error", code, decline_code)
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert error["payment_intent"]["last_payment_error"]["code"] == code
    (charge,) = await bank.charges()
    assert charge["id"] == error["charge"]
    assert (charge["status"], charge["amount_captured"], charge["paid"]) == ("failed", 0, False)


async def test_after_a_decline_another_card_pays_the_same_intent(bank: Any) -> None:
    declined = await bank.pay(payment_method="pm_card_chargeDeclined")
    identifier = declined.json()["error"]["payment_intent"]["id"]

    paid = await bank.post(f"/v1/payment_intents/{identifier}/confirm", payment_method="pm_card_visa")

    assert paid.json()["status"] == "succeeded"
    assert [charge["status"] for charge in await bank.charges()] == ["succeeded", "failed"]


async def test_an_intent_is_paid_once(bank: Any) -> None:
    identifier = (await bank.pay()).json()["id"]

    again = await bank.post(f"/v1/payment_intents/{identifier}/confirm", payment_method="pm_card_visa")

    assert again.status_code == 400
    assert again.json()["error"]["code"] == "payment_intent_unexpected_state"
    assert len(await bank.charges()) == 1


async def test_manual_capture_takes_part_of_what_the_card_holds(bank: Any) -> None:
    intent = (await bank.pay(capture_method="manual")).json()
    assert (intent["status"], intent["amount_capturable"]) == ("requires_capture", 1999)
    assert (await bank.get("/v1/balance")).json()["available"][0]["amount"] == 0

    captured = await bank.post(f"/v1/payment_intents/{intent['id']}/capture", amount_to_capture=1500)

    assert (captured.json()["status"], captured.json()["amount_received"]) == ("succeeded", 1500)
    assert (await bank.get("/v1/balance")).json()["available"][0]["amount"] == 1500


async def test_more_than_the_card_holds_cannot_be_captured(bank: Any) -> None:
    identifier = (await bank.pay(capture_method="manual")).json()["id"]

    answer = await bank.post(f"/v1/payment_intents/{identifier}/capture", amount_to_capture=2000)

    assert answer.status_code == 400
    assert "$20.00" in answer.json()["error"]["message"]
    assert (await bank.charges())[0]["captured"] is False


async def test_canceling_releases_what_the_card_holds(bank: Any) -> None:
    identifier = (await bank.pay(capture_method="manual")).json()["id"]

    canceled = await bank.post(f"/v1/payment_intents/{identifier}/cancel", cancellation_reason="abandoned")

    assert (canceled.json()["status"], canceled.json()["cancellation_reason"]) == ("canceled", "abandoned")
    assert (await bank.charges())[0]["refunded"] is True
    late = await bank.post(f"/v1/payment_intents/{identifier}/capture")
    assert "has a status of canceled" in late.json()["error"]["message"]


async def test_a_paid_intent_cannot_be_canceled(bank: Any) -> None:
    identifier = (await bank.pay()).json()["id"]

    answer = await bank.post(f"/v1/payment_intents/{identifier}/cancel")

    assert answer.status_code == 400
    assert (await bank.get(f"/v1/payment_intents/{identifier}")).json()["status"] == "succeeded"


@pytest.mark.parametrize(
    ("form", "code", "param"),
    [
        ({"amount": ""}, "parameter_missing", "amount"),
        ({"amount": "12.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": "٣٠٠"}, "parameter_invalid_integer", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"amount": "9" * 400}, "parameter_invalid_integer", "amount"),
        ({"currency": "xyz"}, None, "currency"),
        ({"confirm": "perhaps"}, "parameter_invalid_boolean", "confirm"),
        ({"payment_method": "pm_card_nobody"}, "resource_missing", "payment_method"),
        ({"payment_method": "tok_visa"}, "resource_missing", "payment_method"),
        ({"payment_method__x": "1", "payment_method": ""}, None, None),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"metadata__order_id": "x" * 501}, None, "metadata[order_id]"),
        ({"metadata__a__b": "1"}, None, "metadata[a]"),
    ],
)
async def test_a_bad_parameter_is_named_and_no_money_moves(
    bank: Any, form: dict[str, Any], code: str | None, param: str | None
) -> None:
    answer = await bank.pay(**form)

    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["type"] == "invalid_request_error"
    assert (error.get("code"), error.get("param")) == (code, param)
    assert await bank.charges() == []


async def test_a_card_number_is_refused_and_never_logged(bank: Any) -> None:
    answer = await bank.post(
        "/v1/charges", amount=500, currency="usd", source__object="card", source__number="4242424242424242"
    )

    assert answer.status_code == 402
    assert "unsafe" in answer.json()["error"]["message"]
    await bank.pay(metadata__order_id="4242-4242-4242-4242")
    assert "4242" not in "".join(bank.log)
    assert "order_id=(not shown)" in bank.log[-1]

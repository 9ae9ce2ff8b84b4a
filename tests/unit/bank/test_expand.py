"""
Expanding: a whole object where its id stood, in one object and in every entry of a list.
"""

from __future__ import annotations

from typing import Any

import pytest


async def test_an_intent_shows_its_charge_and_its_card_in_full_when_asked(bank: Any) -> None:
    identifier = (await bank.pay()).json()["id"]

    intent = (
        await bank.get(f"/v1/payment_intents/{identifier}", expand__0="latest_charge", expand__1="payment_method")
    ).json()

    assert intent["latest_charge"]["amount_captured"] == 1999
    assert (intent["payment_method"]["object"], intent["payment_method"]["card"]["last4"]) == ("payment_method", "4242")


async def test_an_answer_to_a_payment_is_expanded_too_and_replayed_as_it_was(bank: Any) -> None:
    first = await bank.pay("k", expand__0="latest_charge.payment_intent")
    second = await bank.pay("k", expand__0="latest_charge.payment_intent")

    assert first.json()["latest_charge"]["payment_intent"]["id"] == first.json()["id"]
    assert first.json() == second.json()


async def test_every_entry_of_a_list_is_expanded(bank: Any) -> None:
    await bank.pay()
    await bank.post("/v1/payment_intents", amount=500, currency="usd")

    listed = (await bank.get("/v1/payment_intents", expand__0="data.latest_charge")).json()["data"]

    assert listed[0]["latest_charge"] is None
    assert listed[1]["latest_charge"]["object"] == "charge"


async def test_a_refund_shows_its_charge_and_that_its_intent(bank: Any) -> None:
    intent = (await bank.pay()).json()

    refund = (await bank.post("/v1/refunds", payment_intent=intent["id"], expand__0="charge.payment_intent")).json()

    assert refund["charge"]["amount_refunded"] == 1999
    assert refund["charge"]["payment_intent"]["id"] == intent["id"]


@pytest.mark.parametrize(
    ("path", "given", "message"),
    [
        ("/v1/charges", "latest", "(latest). You may want to try expanding 'data.latest' instead."),
        ("/v1/charges", "data", "(data)."),
        ("/v1/charges", "data.colour", "(data.colour)."),
        ("/v1/charges", "data.payment_intent.latest_charge.payment_intent.x", "more than 4 levels"),
        ("/v1/balance", "available", "(available)."),
    ],
)
async def test_a_path_that_leads_nowhere_is_refused(bank: Any, path: str, given: str, message: str) -> None:
    await bank.pay()

    answer = await bank.get(path, expand__0=given)

    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


async def test_a_payment_with_a_bad_path_takes_no_money(bank: Any) -> None:
    answer = await bank.pay(expand__0="colour")

    assert answer.json()["error"]["message"] == "This property cannot be expanded (colour)."
    assert await bank.charges() == []

"""
Updates: notes may change at any time, what is to be paid only until it is paid.
"""

from __future__ import annotations

from typing import Any

import pytest


async def test_an_intent_is_changed_until_it_is_paid(bank: Any) -> None:
    made = (await bank.post("/v1/payment_intents", amount=500, currency="usd")).json()
    url = f"/v1/payment_intents/{made['id']}"

    changed = (
        await bank.post(url, amount=700, currency="eur", payment_method="pm_card_visa", description="socks")
    ).json()
    paid = (await bank.post(f"{url}/confirm")).json()
    late = await bank.post(url, amount=900)

    assert (changed["amount"], changed["currency"], changed["status"]) == (700, "eur", "requires_confirmation")
    assert (paid["status"], paid["amount_received"], paid["description"]) == ("succeeded", 700, "socks")
    assert late.json()["error"]["code"] == "payment_intent_unexpected_state"
    assert "amount could not be updated because it has a status of succeeded" in late.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["payment_intents", "charges", "refunds"])
async def test_metadata_is_merged_and_an_empty_value_removes_its_key(bank: Any, kind: str) -> None:
    intent = (await bank.pay(metadata__order_id="1", metadata__shop="socks")).json()
    refund = (
        await bank.post("/v1/refunds", charge=intent["latest_charge"], metadata__order_id="1", metadata__shop="socks")
    ).json()
    ids = {"payment_intents": intent["id"], "charges": intent["latest_charge"], "refunds": refund["id"]}
    url = f"/v1/{kind}/{ids[kind]}"

    merged = (await bank.post(url, metadata__note="x", metadata__shop="")).json()
    emptied = (await bank.post(url, metadata="")).json()

    assert merged["metadata"] == {"order_id": "1", "note": "x"}
    assert emptied["metadata"] == {}
    assert (await bank.get(url)).json() == emptied


async def test_a_description_is_unset_by_an_empty_one(bank: Any) -> None:
    identifier = (await bank.pay(description="socks")).json()["latest_charge"]

    kept = (await bank.post(f"/v1/charges/{identifier}", metadata__a="1")).json()
    unset = (await bank.post(f"/v1/charges/{identifier}", description="")).json()

    assert (kept["description"], unset["description"]) == ("socks", None)


async def test_an_update_of_money_or_of_nothing_known_is_refused(bank: Any) -> None:
    identifier = (await bank.pay()).json()["latest_charge"]

    answer = await bank.post(f"/v1/charges/{identifier}", amount=1)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "parameter_unknown")
    assert (await bank.post("/v1/charges/ch_x", description="x")).status_code == 404

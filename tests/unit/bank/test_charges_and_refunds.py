"""
Charges, refunds, balance and lists: the ledger always adds up.
"""

from __future__ import annotations

from typing import Any

import pytest


async def charge(bank: Any, **form: Any) -> Any:
    given = {"amount": 1000, "currency": "usd", "source": "tok_visa"} | form
    return await bank.post("/v1/charges", **given)


async def test_a_charge_is_taken_at_once_and_can_be_read_again(bank: Any) -> None:
    made = (await charge(bank, metadata__order_id="abc")).json()

    assert (made["object"], made["status"], made["amount_captured"]) == ("charge", "succeeded", 1000)
    assert (await bank.get(f"/v1/charges/{made['id']}")).json() == made


@pytest.mark.parametrize(
    ("currency", "least", "words"),
    [("usd", 50, "$0.50 usd"), ("gbp", 30, "£0.30 gbp"), ("jpy", 50, "¥50 jpy"), ("sek", 300, "kr3.00 sek")],
)
async def test_each_currency_has_its_least_amount_and_its_own_fraction(
    bank: Any, currency: str, least: int, words: str
) -> None:
    too_small = await charge(bank, currency=currency, amount=least - 1)
    made = await charge(bank, currency=currency, amount=least)
    refund = await bank.post("/v1/refunds", charge=made.json()["id"], amount=least + 1)

    assert too_small.json()["error"]["code"] == "amount_too_small"
    assert too_small.json()["error"]["message"] == f"Amount must be at least {words}"
    assert made.json()["amount_captured"] == least
    assert f"({words.rpartition(' ')[0]})" in refund.json()["error"]["message"]


async def test_a_charge_without_a_card_is_refused(bank: Any) -> None:
    answer = await bank.post("/v1/charges", amount=500, currency="usd")

    assert answer.json()["error"]["message"] == "Must provide source or customer."


async def test_a_test_card_can_be_looked_at(bank: Any) -> None:
    shown = (await bank.get("/v1/payment_methods/pm_card_amex")).json()

    assert (shown["type"], shown["card"]["brand"], shown["card"]["last4"]) == ("card", "amex", "8431")
    assert (await bank.get("/v1/payment_methods/pm_x")).status_code == 404


async def test_an_authorized_charge_is_captured_once(bank: Any) -> None:
    identifier = (await charge(bank, capture="false")).json()["id"]

    first = await bank.post(f"/v1/charges/{identifier}/capture", amount=700)
    second = await bank.post(f"/v1/charges/{identifier}/capture")

    assert (first.json()["captured"], first.json()["amount_captured"]) == (True, 700)
    assert second.json()["error"]["code"] == "charge_already_captured"


async def test_every_charge_gives_one_log_line_with_its_order(bank: Any) -> None:
    made = (await charge(bank, metadata__order_id="69009776c1f4320001b50707")).json()

    (line,) = bank.log
    assert line.startswith('ts=2025-11-05T20:00:00.000Z level=info msg="charge succeeded" charge=')
    assert f"charge={made['id']} amount_cents=1000 currency=usd order_id=69009776c1f4320001b50707 request=req_" in line


async def test_an_order_id_cannot_forge_a_log_line(bank: Any) -> None:
    await charge(bank, metadata__order_id="x\nlevel=error msg=forged")

    assert "\n" not in bank.log[0]
    assert "forged" not in bank.log[0]


async def test_refunds_never_exceed_what_was_taken(bank: Any) -> None:
    identifier = (await charge(bank)).json()["id"]

    part = await bank.post("/v1/refunds", charge=identifier, amount=400, reason="duplicate")
    too_much = await bank.post("/v1/refunds", charge=identifier, amount=601)
    rest = await bank.post("/v1/refunds", charge=identifier)
    again = await bank.post("/v1/refunds", charge=identifier)

    assert (part.json()["amount"], part.json()["status"]) == (400, "succeeded")
    assert "($6.01) is greater than unrefunded amount on charge ($6.00)" in too_much.json()["error"]["message"]
    assert rest.json()["amount"] == 600
    assert again.json()["error"]["code"] == "charge_already_refunded"
    refunded = (await bank.get(f"/v1/charges/{identifier}")).json()
    assert (refunded["refunded"], refunded["amount_refunded"]) == (True, 1000)
    assert (await bank.get("/v1/balance")).json()["available"][0]["amount"] == 0


async def test_a_refund_of_an_intent_finds_its_charge(bank: Any) -> None:
    intent = (await bank.pay()).json()

    refund = (await bank.post("/v1/refunds", payment_intent=intent["id"])).json()

    assert (refund["charge"], refund["amount"]) == (intent["latest_charge"], 1999)
    assert (await bank.get(f"/v1/refunds/{refund['id']}")).json() == refund
    assert (await bank.get("/v1/refunds", payment_intent=intent["id"])).json()["data"] == [refund]
    assert (await bank.get("/v1/refunds", charge="ch_other")).json()["data"] == []


@pytest.mark.parametrize("form", [{"capture": "false"}, {"source": "tok_chargeDeclined"}])
async def test_a_charge_that_took_nothing_cannot_be_refunded(bank: Any, form: dict[str, str]) -> None:
    await charge(bank, **form)
    identifier = (await bank.charges())[0]["id"]

    answer = await bank.post("/v1/refunds", charge=identifier)

    assert answer.status_code == 400
    assert "took no money" in answer.json()["error"]["message"]


async def test_the_balance_is_kept_for_each_currency(bank: Any) -> None:
    assert (await bank.get("/v1/balance")).json()["available"] == [
        {"amount": 0, "currency": "usd", "source_types": {"card": 0}}
    ]
    await charge(bank)
    await charge(bank, currency="EUR", amount=250)
    await charge(bank, source="tok_chargeDeclined")

    available = (await bank.get("/v1/balance")).json()["available"]
    assert [(entry["currency"], entry["amount"]) for entry in available] == [("eur", 250), ("usd", 1000)]


async def test_a_list_is_read_page_by_page_in_both_directions(bank: Any) -> None:
    made = [(await charge(bank, amount=100 + number)).json()["id"] for number in range(5)]
    newest_first = made[::-1]

    first = (await bank.get("/v1/charges", limit=2)).json()
    second = (await bank.get("/v1/charges", limit=2, starting_after=first["data"][-1]["id"])).json()
    last = (await bank.get("/v1/charges", limit=2, starting_after=second["data"][-1]["id"])).json()
    back = (await bank.get("/v1/charges", limit=2, ending_before=last["data"][0]["id"])).json()

    pages = [[entry["id"] for entry in page["data"]] for page in (first, second, last, back)]
    assert pages == [newest_first[:2], newest_first[2:4], newest_first[4:], newest_first[2:4]]
    assert [page["has_more"] for page in (first, second, last, back)] == [True, True, False, True]


async def test_a_list_is_filtered_by_time_and_by_intent(bank: Any) -> None:
    await charge(bank)
    noon = int(bank.clock.now().timestamp())
    await bank.clock.advance(60)
    intent = (await bank.pay()).json()

    early = (await bank.get("/v1/charges", created__lte=noon)).json()["data"]
    late = (await bank.get("/v1/charges", created__gt=noon)).json()["data"]
    exact = (await bank.get("/v1/charges", created=noon + 60)).json()["data"]
    of_intent = (await bank.get("/v1/charges", payment_intent=intent["id"])).json()["data"]

    assert [entry["created"] for entry in early] == [noon]
    assert late == exact == of_intent
    assert [entry["id"] for entry in late] == [intent["latest_charge"]]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "many"},
        {"starting_after": "ch_unknown"},
        {"starting_after": "ch_a", "ending_before": "ch_b"},
        {"created__after": 1},
        {"created__gte": "yesterday"},
        {"colour": "red"},
    ],
)
async def test_a_bad_list_parameter_is_refused(bank: Any, query: dict[str, Any]) -> None:
    answer = await bank.get("/v1/charges", **query)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/charges/ch_x", "No such charge: 'ch_x'"),
        ("/v1/payment_intents/pi_x", "No such payment_intent: 'pi_x'"),
        ("/v1/refunds/re_x", "No such refund: 're_x'"),
    ],
)
async def test_an_unknown_object_is_404(bank: Any, path: str, message: str) -> None:
    answer = await bank.get(path)

    assert answer.status_code == 404
    assert (answer.json()["error"]["code"], answer.json()["error"]["message"]) == ("resource_missing", message)

"""
Search: Stripe's query language over the ledger, page by page, and one sentence for what it cannot read.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drillyard.bank.errors import Refused
from drillyard.bank.search import _condition


async def found(bank: Any, query: str, kind: str = "charges") -> list[str]:
    answer = await bank.get(f"/v1/{kind}/search", query=query)
    assert answer.status_code == 200, answer.text
    return sorted(entry["metadata"].get("order_id", "-") for entry in answer.json()["data"])


@pytest.mark.parametrize(
    ("query", "orders"),
    [
        ("metadata['order_id']:'a'", ["a"]),
        ('metadata["order_id"]:"A"', ["a"]),
        ("-metadata['order_id']:'a'", ["-", "b", "c"]),
        ("metadata['order_id']:null", ["-"]),
        ("-metadata['order_id']:null", ["a", "b", "c"]),
        ("metadata['note']~'sock'", ["b"]),
        ("metadata['quo\\'te']:'x\"y'", ["c"]),
        ("amount>1000", ["a", "b"]),
        ("amount>=1000 AND amount<2000", ["a", "c"]),
        ("amount:1000 currency:'usd'", ["c"]),
        ("status:'failed' OR metadata['order_id']:'a'", ["-", "a"]),
        ("refunded:'true'", ["b"]),
        ("payment_method_details.card.last4:4444", ["b"]),
        ("payment_method_details.card.brand:'mastercard'", ["b"]),
        ("customer:'cus_1'", []),
    ],
)
async def test_charges_are_found(bank: Any, query: str, orders: list[str]) -> None:
    await bank.pay(amount=1999, metadata__order_id="a")
    await bank.pay(amount=2500, payment_method="pm_card_mastercard", metadata__order_id="b", metadata__note="two socks")
    await bank.post("/v1/refunds", charge=(await bank.charges())[0]["id"])
    await bank.post(
        "/v1/charges",
        **{
            "amount": 1000,
            "currency": "usd",
            "source": "tok_visa",
            "metadata__order_id": "c",
            "metadata__quo'te": 'x"y',
        },
    )
    await bank.pay(amount=700, payment_method="pm_card_chargeDeclined")

    assert await found(bank, query) == orders


async def test_intents_are_found_by_status(bank: Any) -> None:
    await bank.pay(metadata__order_id="a")
    await bank.pay(metadata__order_id="b", capture_method="manual")

    assert await found(bank, "status:'requires_capture'", "payment_intents") == ["b"]


async def test_what_is_found_is_read_page_by_page(bank: Any) -> None:
    for order in "abc":
        await bank.pay(metadata__order_id=order)

    first = (await bank.get("/v1/charges/search", query="amount>0", limit=2, expand__0="data.payment_intent")).json()
    second = (await bank.get("/v1/charges/search", query="amount>0", limit=2, page=first["next_page"])).json()

    assert [entry["metadata"]["order_id"] for entry in first["data"] + second["data"]] == ["c", "b", "a"]
    assert first["data"][0]["payment_intent"]["object"] == "payment_intent"
    assert (first["object"], first["has_more"], second["has_more"]) == ("search_result", True, False)
    assert second["next_page"] is None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("nonsense", "unable to parse"),
        ("amount:1 AND", "unable to parse"),
        ("amount:1amount:2", "unable to parse"),
        ("metadata['a'", "unable to parse"),
        ("colour:'red'", "Field `colour` is an unsupported search field for resource `charges`."),
        ("amount:1 AND amount:2 OR amount:3", "cannot be combined"),
        ("amount:'many'", "takes a whole number"),
        ("currency>'usd'", "numeric search fields only"),
        ("amount:1 " * 11, "at most 10 clauses"),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused(bank: Any, query: str, message: str) -> None:
    answer = await bank.get("/v1/charges/search", query=query)

    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


async def test_a_search_needs_a_query_and_a_page_of_its_own(bank: Any) -> None:
    assert (await bank.get("/v1/charges/search")).json()["error"]["code"] == "parameter_missing"
    assert (await bank.get("/v1/charges/search", query="amount>0", page="x")).json()["error"]["param"] == "page"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="amount:'\"\\[]metadata> <=-~5 ORorAND", max_size=40))
def test_any_query_is_read_or_refused(query: str) -> None:
    try:
        condition, values = _condition(query, "charge")
    except Refused as refusal:
        assert "\n" not in refusal.message
        return
    assert condition.count("?") == len(values)

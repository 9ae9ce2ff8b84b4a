"""
The pure parts of orders: the status graph, the printer, what an order is made of.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.shop.http_client import Answer, HungUp, TimedOut
from drillyard.shop.orders.basket import FetchError, FetchTimeout, OrderRequest, fetch_basket
from drillyard.shop.orders.hal import jackson
from drillyard.shop.orders.status import Status, may_become

from .fake_callee import Call, FakeCallee, answer

REQUEST = OrderRequest(
    customer="http://user/customers/c1",
    address="http://user/addresses/a1",
    card="http://user/cards/k1",
    items="http://carts/carts/c1/items",
)
DOCUMENTS: dict[str, Any] = {
    "/customers/c1": {
        "firstName": "Eve",
        "username": "eve",
        "id": "c1",
        "_links": {"self": {"href": "http://user/customers/c1"}},
    },
    "/addresses/a1": {"street": "s", "number": "1", "id": "a1"},
    "/cards/k1": {"longNum": "4111", "id": "k1"},
    "/carts/c1/items": [{"id": "i1", "itemId": "holy", "quantity": 2, "unitPrice": 7.99}],
}


def client(documents: dict[str, Any]) -> FakeCallee:
    """Answers from the documents; a status stands for itself, an exception is raised."""

    def answers(request: Call) -> Answer:
        found = documents[request.url.path]
        if isinstance(found, Exception):
            raise found
        if isinstance(found, int):
            return answer(found)
        wanted = "application/json" if request.url.path.endswith("items") else "application/hal+json"
        assert request.headers["accept"] == wanted
        return answer(200, json.dumps(found).encode())

    return FakeCallee(answers)


async def test_a_basket_is_the_four_documents_without_their_ids_and_its_total() -> None:
    async with client(DOCUMENTS) as callee:
        basket = await fetch_basket(callee, REQUEST, 5)

    assert basket.customer_id == "c1"
    assert basket.customer["id"] is None and basket.card["id"] is None
    assert basket.customer == {
        "id": None,
        "firstName": "Eve",
        "lastName": None,
        "username": "eve",
        "addresses": [],
        "cards": [],
    }
    assert basket.items == [{"id": "i1", "itemId": "holy", "quantity": 2, "unitPrice": 7.99}]
    assert (basket.total, basket.total_cents) == (20.97, 2097)


# The document that is wrong, what it is instead.
WRONG: list[tuple[str, Any]] = [
    ("/customers/c1", 404),
    ("/customers/c1", {"firstName": "no links"}),
    ("/customers/c1", {"_links": {"self": {"href": "///"}}}),
    ("/customers/c1", []),
    ("/addresses/a1", 500),
    ("/addresses/a1", None),
    ("/cards/k1", "text"),
    ("/cards/k1", HungUp("gone")),
    ("/carts/c1/items", 302),
    ("/carts/c1/items", {}),
    ("/carts/c1/items", {"a": 1}),
    ("/carts/c1/items", [{"itemId": "x", "quantity": "2", "unitPrice": 1}]),
    ("/carts/c1/items", [{"itemId": "x", "quantity": 1, "unitPrice": "Infinity"}]),
    ("/carts/c1/items", [{"itemId": "x", "quantity": 2**31, "unitPrice": 1}]),
    ("/carts/c1/items", [{"itemId": "x", "quantity": 1, "unitPrice": None}]),
]


@pytest.mark.parametrize(("path", "instead"), WRONG)
async def test_what_is_not_an_order_is_a_fetch_error(path: str, instead: Any) -> None:
    async with client({**DOCUMENTS, path: instead}) as callee:
        with pytest.raises(FetchError):
            await fetch_basket(callee, REQUEST, 5)


async def test_a_callee_that_times_out_is_a_fetch_timeout() -> None:
    async with client({**DOCUMENTS, "/cards/k1": TimedOut("slow")}) as callee:
        with pytest.raises(FetchTimeout, match="GET of card"):
            await fetch_basket(callee, REQUEST, 5)


def test_every_order_can_end_and_none_can_go_back() -> None:
    order = [Status.CREATED, Status.PENDING, Status.PAYMENT_FAILED, Status.PAID, Status.SHIPPED]
    for current in Status:
        for wanted in Status:
            if may_become(current, wanted):
                assert order.index(wanted) > order.index(current)
    assert not any(may_become(Status.SHIPPED, wanted) for wanted in Status)
    assert may_become(Status.PAYMENT_FAILED, Status.PAID)
    assert not may_become(Status.PAYMENT_FAILED, Status.SHIPPED)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_printed_as_jackson_does_reads_back(value: object) -> None:
    assert json.loads(jackson(value)) == value


def test_jackson_keeps_lists_on_a_line_and_objects_on_several() -> None:
    assert jackson({"a": [1, {"b": []}], "c": {}}) == '{\n  "a" : [ 1, {\n    "b" : [ ]\n  } ],\n  "c" : { }\n}'

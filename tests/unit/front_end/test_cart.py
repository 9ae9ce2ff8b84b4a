"""
The cart: of a session before the log-in, of the customer afterwards.
"""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

HOLY = "03fef6ac-1896-4ce8-bd69-b798f85c6e0b"
SPORT = "510a0d7e-8e83-4193-b483-e27e09ddc34d"
CUSTOMER = "57a98d98e4b00679b4a830b2"


async def cart(front_end: Any) -> list[tuple[str, int]]:
    answer = await front_end.browser.get("/cart")
    return [(item["itemId"], item["quantity"]) for item in answer.json()]


async def test_a_sock_is_added_with_its_price_from_the_catalogue(front_end: Any, shop: Any) -> None:
    answer = await front_end.browser.post("/cart", json={"id": HOLY})

    assert (answer.status_code, answer.text) == (201, "")
    assert shop.calls[-1][2] == {"itemId": HOLY, "unitPrice": 99.99}
    assert await cart(front_end) == [(HOLY, 1)]


async def test_a_stranger_keeps_the_cart_of_the_session(front_end: Any) -> None:
    await front_end.browser.post("/cart", json={"id": HOLY})

    async with front_end.another_browser() as other:
        assert (await other.get("/cart")).json() == []
    assert await cart(front_end) == [(HOLY, 1)]


async def test_the_log_in_moves_the_sessions_cart_to_the_customer(front_end: Any, shop: Any) -> None:
    await front_end.browser.post("/cart", json={"id": HOLY})

    await front_end.log_in()

    assert await cart(front_end) == [(HOLY, 1)]
    assert [item["itemId"] for item in shop.carts[CUSTOMER]] == [HOLY]


@pytest.mark.parametrize(("quantity", "stored"), [(3, 3), ("4", 4), ("5 pairs", 5), (2.9, 2), (-1, -1), ("many", None)])
async def test_a_quantity_is_read_as_javascript_reads_it(
    front_end: Any, shop: Any, quantity: object, stored: int | None
) -> None:
    await front_end.browser.post("/cart", json={"id": SPORT})

    answer = await front_end.browser.post("/cart/update", json={"id": SPORT, "quantity": quantity})

    assert (answer.status_code, answer.text) == (202, "")
    assert shop.calls[-1][2] == {"itemId": SPORT, "unitPrice": 15, "quantity": stored}


async def test_an_item_and_then_the_whole_cart_are_removed(front_end: Any) -> None:
    await front_end.browser.post("/cart", json={"id": HOLY})
    await front_end.browser.post("/cart", json={"id": SPORT})

    removed = await front_end.browser.delete(f"/cart/{HOLY}")
    assert (removed.status_code, removed.text) == (202, "")
    assert await cart(front_end) == [(SPORT, 1)]

    emptied = await front_end.browser.delete("/cart")
    assert (emptied.status_code, emptied.text) == (202, "")
    assert await cart(front_end) == []


async def test_removing_what_is_not_there_has_the_status_of_carts(front_end: Any) -> None:
    assert (await front_end.browser.delete("/cart/unknown")).status_code == 500


async def test_updating_what_is_not_there_is_500(front_end: Any) -> None:
    answer = await front_end.browser.post("/cart/update", json={"id": HOLY, "quantity": 1})

    assert answer.status_code == 500
    assert answer.json()["message"] == "Unable to add to cart. Status code: 500"


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/cart", {}, "Must pass id of item to add"),
        ("/cart", {"id": None}, "Must pass id of item to add"),
        ("/cart", [], "Must pass id of item to add"),
        ("/cart/update", {"quantity": 1}, "Must pass id of item to update"),
        ("/cart/update", {"id": HOLY}, "Must pass quantity to update"),
    ],
)
async def test_what_is_missing_is_named(front_end: Any, path: str, body: object, message: str) -> None:
    answer = await front_end.browser.post(path, json=body)

    assert (answer.status_code, answer.json()["message"]) == (500, message)


async def test_a_body_that_is_not_labelled_as_json_counts_as_empty(front_end: Any) -> None:
    answer = await front_end.browser.post("/cart", content=b'{"id": "x"}')

    assert answer.json()["message"] == "Must pass id of item to add"


@pytest.mark.parametrize("content", [b"{", b'"text"', b"\xff", b"[" * 100_000])
async def test_malformed_json_is_500_in_the_words_of_the_original(front_end: Any, content: bytes) -> None:
    answer = await front_end.browser.post("/cart", content=content, headers={"content-type": "application/json"})

    assert answer.status_code == 500
    assert answer.json()["message"] == "Cannot read properties of undefined (reading 'logged_in')"


async def test_a_huge_body_is_refused(front_end: Any) -> None:
    body = b'{"id": "' + b"x" * 2_000_000 + b'"}'
    answer = await front_end.browser.post("/cart", content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["message"]) == (413, "request entity too large")


@pytest.mark.parametrize("unknown", ["item-42", 42, True, {"a": 1}, "../carts", "a b/c?d#e"])
async def test_an_unknown_sock_is_accepted_and_carts_gets_an_empty_item(
    front_end: Any, shop: Any, unknown: object
) -> None:
    answer = await front_end.browser.post("/cart", json={"id": unknown})

    assert answer.status_code == 201
    assert shop.calls[-1] == ("POST carts", shop.calls[-1][1], {})
    assert shop.calls[-2][1].count("/") == 2


async def test_adding_while_the_catalogue_is_away_is_500_where_it_killed_the_original(
    front_end: Any, shop: Any
) -> None:
    shop.away.add("catalogue")

    answer = await front_end.browser.post("/cart", json={"id": HOLY})

    assert (answer.status_code, answer.json()["message"]) == (500, "connect ECONNREFUSED catalogue:80")


async def test_adding_while_the_catalogue_talks_nonsense_is_500(front_end: Any, shop: Any) -> None:
    shop.broken["catalogue"] = Response("Bad Gateway", 502)

    answer = await front_end.browser.post("/cart", json={"id": HOLY})

    assert (answer.status_code, answer.json()["message"]) == (500, "Unexpected token B in JSON at position 0")


async def test_a_cart_that_answers_an_error_keeps_its_status(front_end: Any, shop: Any) -> None:
    shop.broken["carts"] = JSONResponse({"status": 503}, 503)

    assert (await front_end.browser.get("/cart")).status_code == 503
    added = await front_end.browser.post("/cart", json={"id": HOLY})
    assert added.json()["message"] == "Unable to add to cart. Status code: 503"

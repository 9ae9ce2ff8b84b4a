"""
Orders through the front-end: placing, listing, and what happens when a back service is away or broken.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

HOLY = "03fef6ac-1896-4ce8-bd69-b798f85c6e0b"
CUSTOMER = "57a98d98e4b00679b4a830b2"


async def test_an_order_is_made_of_the_links_that_the_back_services_gave(front_end: Any, shop: Any) -> None:
    await front_end.log_in()
    await front_end.browser.post("/cart", json={"id": HOLY})

    answer = await front_end.browser.post("/orders")

    assert answer.status_code == 201
    assert answer.json()["status"] == "PAID"
    assert "content-type" not in answer.headers
    sent = next(body for call, _, body in shop.calls if call == "POST orders")
    assert sent == {
        "customer": f"http://user/customers/{CUSTOMER}",
        "address": "http://user/addresses/57a98d98e4b00679b4a830b0",
        "card": "http://user/cards/57a98d98e4b00679b4a830b1",
        "items": f"http://carts/carts/{CUSTOMER}/items",
    }


async def test_the_body_of_an_order_is_not_looked_at(front_end: Any, shop: Any) -> None:
    await front_end.log_in()

    answer = await front_end.browser.post("/orders", json={"customer": {"username": "somebody else"}})

    assert answer.status_code == 201
    assert answer.json()["customerId"] == CUSTOMER


async def test_the_same_click_twice_places_two_orders(front_end: Any, shop: Any) -> None:
    await front_end.log_in()

    answers = await asyncio.gather(front_end.browser.post("/orders"), front_end.browser.post("/orders"))

    assert [answer.status_code for answer in answers] == [201, 201]
    assert len(shop.orders) == 2


async def test_a_customer_without_address_and_card_is_sent_on_with_nulls(front_end: Any, shop: Any) -> None:
    await front_end.browser.post("/register", json={"username": "new", "password": "x"})

    answer = await front_end.browser.post("/orders")

    assert answer.status_code == 406
    assert answer.json()["message"].startswith("Invalid order request.")
    sent = next(body for call, _, body in shop.calls if call == "POST orders")
    assert (sent["address"], sent["card"]) == (None, None)


@pytest.mark.parametrize(
    ("payment", "status", "message"),
    [
        ("declines", 406, "Payment declined: amount exceeds 105.00"),
        ("is away", 500, "Payment service unavailable for order 000000000000000000000001"),
        ("is slow", 500, "Unable to create order due to timeout from one of the services."),
    ],
)
async def test_a_failed_order_keeps_the_status_and_body_of_orders_and_is_logged(
    front_end: Any, shop: Any, payment: str, status: int, message: str
) -> None:
    shop.payment = payment
    await front_end.log_in()

    answer = await front_end.browser.post("/orders")

    assert (answer.status_code, answer.json()["message"]) == (status, message)
    error = "Not Acceptable" if status == 406 else "Internal Server Error"
    line = f'Order response: {{"statusCode":{status},"error":"{error}","message":"{message}"}}'
    assert line in front_end.log


async def test_a_placed_order_is_logged_without_its_card(front_end: Any) -> None:
    await front_end.log_in()

    order = (await front_end.browser.post("/orders")).json()

    assert f'Order response: {{"statusCode":201,"id":"{order["id"]}","status":"PAID"}}' in front_end.log
    assert "5544154011345918" not in "\n".join(front_end.log)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_orders_of_a_stranger_are_500_user_not_logged_in(front_end: Any, shop: Any, method: str) -> None:
    answer = await front_end.browser.request(method, "/orders")

    assert answer.status_code == 500
    assert answer.json() == {"message": "User not logged in.", "error": {}}
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert shop.calls == []


async def test_the_list_is_201_and_shows_ids_and_states(front_end: Any, shop: Any) -> None:
    await front_end.log_in()
    assert (await front_end.browser.get("/orders")).json() == []
    shop.payment = "is away"
    await front_end.browser.post("/orders")

    answer = await front_end.browser.get("/orders")

    assert answer.status_code == 201
    assert [(order["id"], order["status"]) for order in answer.json()] == [(f"{1:024x}", "PAYMENT_FAILED")]
    path = next(url for call, url, _ in shop.calls if call == "GET orders")
    assert path == f"/orders/search/customerId?sort=date&custId={CUSTOMER}"


async def test_a_list_that_orders_does_not_know_is_empty(front_end: Any, shop: Any) -> None:
    await front_end.log_in()
    shop.broken["orders"] = Response(status_code=404)

    answer = await front_end.browser.get("/orders")

    assert (answer.status_code, answer.json()) == (201, [])


async def test_one_order_is_passed_on_whole_and_needs_no_log_in(front_end: Any, shop: Any) -> None:
    await front_end.log_in()
    identifier = (await front_end.browser.post("/orders")).json()["id"]

    async with front_end.another_browser() as stranger:
        answer = await stranger.get(f"/orders/{identifier}")
        unknown = await stranger.get("/orders/69009776c1f4320001b50707")

    assert answer.json()["id"] == identifier
    assert answer.headers["content-type"].startswith("application/hal+json")
    assert (unknown.status_code, unknown.text) == (404, "")


async def test_a_forged_log_in_places_no_order(front_end: Any, shop: Any) -> None:
    front_end.browser.cookies.set("logged_in", "forged")

    answer = await front_end.browser.post("/orders")

    assert answer.status_code == 500
    assert answer.json()["message"] == "Cannot read properties of undefined (reading 'customer')"
    assert shop.orders == {}


@pytest.mark.parametrize("path", ["/orders", "/orders/69009776c1f4320001b50707"])
async def test_reading_orders_while_the_service_is_away_is_500_and_names_the_refusal(
    front_end: Any, shop: Any, path: str
) -> None:
    await front_end.log_in()
    shop.away.add("orders")

    answer = await front_end.browser.get(path)

    assert answer.status_code == 500
    assert answer.json() == {
        "message": "connect ECONNREFUSED orders:80",
        "error": {
            "errno": -111,
            "code": "ECONNREFUSED",
            "syscall": "connect",
            "address": "orders",
            "port": 80,
        },
    }


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (JSONResponse({"status": 500}, 500), "Cannot read properties of undefined (reading 'customerOrders')"),
        (Response("<html>", 502), "Unexpected token < in JSON at position 0"),
        (Response("", 200), "Unexpected end of JSON input"),
        (JSONResponse([1, 2]), "Cannot read properties of undefined (reading 'customerOrders')"),
    ],
)
async def test_a_broken_list_is_500_where_it_killed_the_original(
    front_end: Any, shop: Any, broken: Response, message: str
) -> None:
    await front_end.log_in()
    shop.broken["orders"] = broken

    answer = await front_end.browser.get("/orders")

    assert (answer.status_code, answer.json()["message"]) == (500, message)
    assert (await front_end.browser.get("/catalogue")).status_code == 200


@pytest.mark.parametrize("service", ["user", "orders"])
async def test_an_order_while_a_service_is_away_is_500(front_end: Any, shop: Any, service: str) -> None:
    await front_end.log_in()
    shop.away.add(service)

    answer = await front_end.browser.post("/orders")

    assert answer.status_code == 500
    assert json.loads(answer.text)["error"]["code"] == "ECONNREFUSED"


async def test_an_answer_of_user_that_makes_no_sense_is_500(front_end: Any, shop: Any) -> None:
    await front_end.log_in()
    shop.broken["user"] = JSONResponse({"_links": {"customer": "http://user/customers/1"}})

    assert (await front_end.browser.post("/orders")).status_code == 500

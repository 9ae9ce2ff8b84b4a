"""
The orders service's wire contract, apart from the way of an order (test_order_way.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from drillyard.shop.migrate import migrate

from .conftest import JSON, Postgres, Processes, Service, Shop, http, status_of, wait_until

HAL = "application/hal+json;charset=UTF-8"
TYPE = "application/json;charset=UTF-8"
USER = "57a98d98e4b00679b4a830b2"
HOLY = ("03fef6ac-1896-4ce8-bd69-b798f85c6e0b", 99.99)
NOSUCH = "6900953ac1f4320001b50703"


@pytest.fixture(scope="module")
def orders(lasting: Processes, shop: Shop, postgres: Postgres) -> Iterator[Service]:
    """An orders service whose database holds nobody else's orders, and whose shipments go nowhere."""
    postgres.query("postgres", "CREATE DATABASE apart")
    migrate("orders", postgres.url("apart"))
    nowhere = lasting.start("shipping", AMQP_URL="amqp://127.0.0.1:1/", PUBLISHER_CONFIRMS="false")
    yield lasting.start(
        "orders", DATABASE_URL=postgres.url("apart"), PAYMENT_URL=shop.payment.url, SHIPPING_URL=nowhere.url
    )


@pytest.fixture(scope="module")
def placed(shop: Shop, orders: Service) -> dict[str, object]:
    """The first order of that database: one Holy."""
    answer = http.post(f"{orders.url}/orders", json=shop.order_request(HOLY), headers=JSON)
    assert answer.status_code == 201, answer.text
    body: dict[str, object] = answer.json()
    return body


def test_the_answer_to_an_order_has_upstreams_keys_in_upstreams_order(shop: Shop, orders: Service) -> None:
    answer = http.post(f"{orders.url}/orders", json=shop.order_request(HOLY), headers=JSON)

    assert (answer.status_code, answer.headers["content-type"]) == (201, TYPE)
    assert re.fullmatch(r"orders:\d+", answer.headers["x-application-context"])
    body = answer.json()
    assert re.fullmatch("[0-9a-f]{24}", body["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", body["date"])
    assert re.fullmatch("[0-9a-f-]{36}", body["shipment"]["id"])
    expected = {
        "id": body["id"],
        "customerId": USER,
        "customer": {
            "id": None,
            "firstName": "User",
            "lastName": "Name",
            "username": "user",
            "addresses": [],
            "cards": [],
        },
        "address": {
            "id": None,
            "number": "246",
            "street": "Whitelees Road",
            "city": "Glasgow",
            "postcode": "G67 3DL",
            "country": "United Kingdom",
        },
        "card": {"id": None, "longNum": "5544154011345918", "expires": "08/19", "ccv": "958"},
        "items": [{"id": body["items"][0]["id"], "itemId": HOLY[0], "quantity": 1, "unitPrice": 99.99}],
        "shipment": {"id": body["shipment"]["id"], "name": USER},
        "date": body["date"],
        "total": 104.979996,
        "status": "PAID",
    }
    assert answer.text == json.dumps(expected, separators=(",", ":"))


def test_an_order_is_hal_for_whoever_accepts_anything(shop: Shop, orders: Service) -> None:
    answer = http.post(f"{orders.url}/orders", json=shop.order_request(), headers={"accept": "*/*"})

    assert answer.headers["content-type"] == HAL
    assert answer.json()["total"] == 4.99


def test_an_entry_is_pretty_printed_without_inner_ids(orders: Service, placed: dict[str, object]) -> None:
    answer = http.get(f"{orders.url}/orders/{placed['id']}", headers={"host": "orders"})

    assert (answer.status_code, answer.headers["content-type"]) == (200, HAL)
    link = f'"http://orders/orders/{placed["id"]}"'
    times = [change["at"] for change in answer.json()["statusHistory"]]
    assert str(placed["date"]) <= times[0] <= times[1] <= times[2]
    assert (
        answer.text
        == f"""{{
  "id" : "{placed["id"]}",
  "customerId" : "{USER}",
  "customer" : {{
    "firstName" : "User",
    "lastName" : "Name",
    "username" : "user",
    "addresses" : [ ],
    "cards" : [ ]
  }},
  "address" : {{
    "number" : "246",
    "street" : "Whitelees Road",
    "city" : "Glasgow",
    "postcode" : "G67 3DL",
    "country" : "United Kingdom"
  }},
  "card" : {{
    "longNum" : "5544154011345918",
    "expires" : "08/19",
    "ccv" : "958"
  }},
  "items" : [ {{
    "itemId" : "{HOLY[0]}",
    "quantity" : 1,
    "unitPrice" : 99.99
  }} ],
  "shipment" : {{
    "name" : "{USER}"
  }},
  "date" : "{placed["date"]}",
  "total" : 104.979996,
  "status" : "PAID",
  "statusHistory" : [ {{
    "status" : "CREATED",
    "at" : "{times[0]}"
  }}, {{
    "status" : "PENDING",
    "at" : "{times[1]}"
  }}, {{
    "status" : "PAID",
    "at" : "{times[2]}"
  }} ],
  "_links" : {{
    "self" : {{
      "href" : {link}
    }},
    "order" : {{
      "href" : {link}
    }}
  }}
}}"""
    )


def test_a_customers_orders_are_found_and_the_self_link_repeats_the_query(
    orders: Service, placed: dict[str, object]
) -> None:
    query = f"sort=date&custId={USER}"
    answer = http.get(f"{orders.url}/orders/search/customerId?{query}", headers={"host": "orders"})

    body = answer.json()
    assert list(body) == ["_embedded", "_links"]
    assert body["_links"] == {"self": {"href": f"http://orders/orders/search/customerId?{query}"}}
    assert placed["id"] in [order["id"] for order in body["_embedded"]["customerOrders"]]
    nobody = http.get(f"{orders.url}/orders/search/customerId?custId=nobody")
    assert '"customerOrders" : [ ]' in nobody.text
    assert http.get(f"{orders.url}/orders/search/customerId").json()["_embedded"]["customerOrders"] == []


def test_the_list_is_whole_without_page_or_size_and_paged_with_either(shop: Shop, orders: Service) -> None:
    for _ in range(23):
        assert shop.place(orders).status_code == 201

    whole = http.get(f"{orders.url}/orders", headers={"host": "orders"}).json()

    total = len(whole["_embedded"]["customerOrders"])
    assert total >= 23
    assert whole["page"] == {"size": total, "totalElements": total, "totalPages": 1, "number": 0}
    assert list(whole["_links"]) == ["self", "profile", "search"]
    first = http.get(f"{orders.url}/orders?page=0", headers={"host": "orders"}).json()
    assert first["page"] == {"size": 20, "totalElements": total, "totalPages": 2, "number": 0}
    assert list(first["_links"]) == ["first", "self", "next", "last", "profile", "search"]
    assert first["_links"]["next"] == {"href": "http://orders/orders?page=1&size=20"}
    second = http.get(f"{orders.url}/orders?page=1&size=20").json()
    assert list(second["_links"]) == ["first", "prev", "self", "last", "profile", "search"]
    ids = [order["id"] for page in (first, second) for order in page["_embedded"]["customerOrders"]]
    assert ids == [order["id"] for order in whole["_embedded"]["customerOrders"]]
    for odd in ("page=x", "page=-1", "size=0", "size=x"):
        assert http.get(f"{orders.url}/orders?{odd}").json()["page"]["size"] == 20
    assert http.get(f"{orders.url}/orders?page=999999").json()["_embedded"]["customerOrders"] == []


INVALID = "Invalid order request. Order requires customer, address, card and items."
# Content, content type, status, message (or None where it is the parser's).
BODIES = [
    (b"{}", "application/json", 406, INVALID),
    (b'{"customer":"x","address":null,"card":"x","items":"x"}', "application/json", 406, INVALID),
    (b"{", "application/json", 400, None),
    (b"", "application/json", 400, None),
    (b"[]", "application/json", 400, None),
    (b'{"customer":1,"address":1,"card":1,"items":1}', "application/json", 400, None),
    (b"{}", "text/plain", 415, "Content type 'text/plain' not supported"),
    (b"[" * 100_000, "application/json", 400, None),
]


@pytest.mark.parametrize(("content", "content_type", "status", "message"), BODIES)
def test_a_request_that_is_no_order_is_refused(
    orders: Service, content: bytes, content_type: str, status: int, message: str | None
) -> None:
    answer = http.post(f"{orders.url}/orders", content=content, headers={"content-type": content_type})

    body = answer.json()
    assert (answer.status_code, body["status"], body["path"]) == (status, status, "/orders")
    assert list(body) == ["timestamp", "status", "error", "exception", "message", "path"]
    assert isinstance(body["timestamp"], int)
    if message:
        assert body["message"] == message


IO_ERROR = "Unable to create order due to unspecified IO error."
URLS = [
    "http://127.0.0.1:1/x",
    "nosuch://x",
    "http://",
    "not a url",
    "http://nosuch.invalid/",
    "http://[::1",
    "file:///x",
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("key", ["customer", "items"])
def test_a_document_that_cannot_be_fetched_fails_the_order_before_it_is_stored(
    shop: Shop, orders: Service, url: str, key: str
) -> None:
    before = http.get(f"{orders.url}/orders?size=1").json()["page"]["totalElements"]

    answer = http.post(f"{orders.url}/orders", json={**shop.order_request(), key: url})

    assert (answer.status_code, answer.json()["message"]) == (500, IO_ERROR)
    assert answer.json()["exception"] == "java.lang.IllegalStateException"
    assert http.get(f"{orders.url}/orders?size=1").json()["page"]["totalElements"] == before


# Socks with prices and quantities that are no order.
CARTS = [[("a", 1e300)], [("a", -50)]]


@pytest.mark.parametrize("socks", CARTS)
def test_an_amount_that_is_no_money_fails_the_order(
    shop: Shop, orders: Service, socks: list[tuple[str, float]]
) -> None:
    answer = http.post(f"{orders.url}/orders", json=shop.order_request(*socks))

    assert (answer.status_code, answer.json()["message"]) == (500, IO_ERROR)


def test_a_declined_order_is_stored_as_failed_and_answered_406(shop: Shop, orders: Service) -> None:
    answer = http.post(f"{orders.url}/orders", json=shop.order_request(("a", 100.02)), headers=JSON)

    body = answer.json()
    assert (answer.status_code, body["error"]) == (406, "Not Acceptable")
    assert body["message"] == "Payment declined: amount exceeds 105.00"
    assert body["exception"] == "works.weave.socks.orders.controllers.OrdersController$PaymentDeclinedException"
    last = http.get(f"{orders.url}/orders").json()["_embedded"]["customerOrders"][-1]
    assert (last["status"], last["shipment"], last["total"]) == ("PAYMENT_FAILED", None, 105.009995)


# From which status, to which, what PATCH answers.
CHANGES = [
    ("PAID", "SHIPPED", 204),
    ("SHIPPED", "SHIPPED", 204),
    ("SHIPPED", "PAID", 409),
    ("PAID", "PENDING", 409),
    ("PAID", "PAID", 409),
    ("PAID", "PAYMENT_FAILED", 409),
    ("PAYMENT_FAILED", "SHIPPED", 409),
    ("PAYMENT_FAILED", "PAID", 204),
    ("PENDING", "SHIPPED", 409),
    ("CREATED", "PAID", 409),
]


@pytest.mark.parametrize(("current", "wanted", "status"), CHANGES)
def test_a_status_changes_only_as_an_order_goes(
    shop: Shop, orders: Service, postgres: Postgres, current: str, wanted: str, status: int
) -> None:
    order_id = shop.place(orders).json()["id"]
    postgres.query("apart", f"UPDATE \"customerOrder\" SET status = '{current}' WHERE id = '{order_id}'")

    answer = http.patch(f"{orders.url}/orders/{order_id}", json={"status": wanted})

    assert answer.status_code == status
    assert status_of(orders, order_id) == (wanted if status == 204 else current)
    if status == 409:
        assert answer.json()["message"] == f"Order {order_id} is {current} and cannot become {wanted}"


@pytest.mark.parametrize(("method", "status"), [("GET", 404), ("PATCH", 404), ("DELETE", 405), ("PUT", 405)])
def test_an_unknown_order_is_a_404_without_a_body_and_no_order_is_replaced(
    orders: Service, method: str, status: int
) -> None:
    answer = http.request(method, f"{orders.url}/orders/{NOSUCH}", json={"status": "SHIPPED"})

    assert answer.status_code == status
    assert (answer.content == b"") == (status == 404)


def test_two_reports_side_by_side_ship_an_order_once(shop: Shop, orders: Service, postgres: Postgres) -> None:
    order_id = shop.place(orders).json()["id"]
    with ThreadPoolExecutor(6) as pool:
        answers = pool.map(
            lambda _: http.patch(f"{orders.url}/orders/{order_id}", json={"status": "SHIPPED"}).status_code, range(12)
        )
        assert set(answers) == {204}

    history = postgres.query("apart", f'SELECT status FROM "orderStatus" WHERE "orderId" = \'{order_id}\' ORDER BY seq')
    assert [row[0] for row in history].count("SHIPPED") == 1


def test_searches_health_and_metrics(orders: Service) -> None:
    links = http.get(f"{orders.url}/orders/search", headers={"host": "orders"}).json()["_links"]
    assert links["findByCustomerId"]["href"] == "http://orders/orders/search/customerId{?custId}"
    health = http.get(f"{orders.url}/health").json()["health"]
    assert [(part["service"], part["status"]) for part in health] == [("orders", "OK"), ("orders-db", "OK")]
    http.get(f"{orders.url}/orders")
    text = http.get(f"{orders.url}/metrics").text
    for path in ("/orders", "/orders/search/customerId", "/health"):
        labels = f'{{method="GET",path="{path}",service="orders",status_code="200"}}'
        assert f"http_request_duration_seconds_count{labels}" in text, path


def test_orders_serves_before_its_store_is_there_and_recovers_when_it_comes(
    shop: Shop, processes: Processes, own_postgres: Postgres
) -> None:
    orders = processes.start(
        "orders",
        DATABASE_URL=own_postgres.url("data"),
        PAYMENT_URL=shop.payment.url,
        SHIPPING_URL=shop.shipping.url,
    )
    health = http.get(f"{orders.url}/health")
    assert [part["status"] for part in health.json()["health"]] == ["OK", "err"]
    assert shop.place(orders).status_code == 500
    own_postgres.start()
    own_postgres.query("postgres", "CREATE DATABASE data")
    migrate("orders", own_postgres.url("data"))

    assert shop.place(orders).status_code == 201

    own_postgres.stop()
    answer = shop.place(orders)
    assert (answer.status_code, answer.json()["message"].split(":")[0]) == (500, "orders-db")
    own_postgres.start()
    wait_until(lambda: shop.place(orders).status_code == 201, "orders recovers", orders)
    assert "Traceback" not in orders.log()

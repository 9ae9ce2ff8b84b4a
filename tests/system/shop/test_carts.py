"""
The carts service's wire contract.
"""

from __future__ import annotations

import itertools
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import Shop, http

TYPE = "application/json;charset=UTF-8"
HOLY, NERD = "03fef6ac-1896-4ce8-bd69-b798f85c6e0b", "a0a4f044-b040-410d-8ead-4de0446aec7e"

_numbers = itertools.count(1)


@pytest.fixture
def cart(shop: Shop) -> str:
    """The URL of a cart that nobody else uses."""
    return f"{shop.carts.url}/carts/0Ejzd-HXkwrbbUfWHwoYX1msuQp3dC7T{next(_numbers)}"


def rows(cart: str) -> list[tuple[str, int, object]]:
    listed = http.get(f"{cart}/items").json()
    return [(row["itemId"], row["quantity"], row["unitPrice"]) for row in listed]


def test_a_cart_is_there_once_it_is_asked_for(cart: str) -> None:
    answer = http.get(cart)

    assert (answer.status_code, answer.headers["content-type"]) == (200, TYPE)
    assert answer.text == f'{{"customerId":"{cart.rpartition("/")[2]}"}}'
    assert http.get(f"{cart}/items").text == "[]"
    assert "x-application-context" not in answer.headers


def test_an_item_is_stored_as_posted_and_counted_up_when_it_comes_again(cart: str) -> None:
    first = http.post(f"{cart}/items", json={"itemId": HOLY, "quantity": 3, "unitPrice": 15})
    second = http.post(f"{cart}/items", json={"itemId": HOLY, "quantity": 9, "unitPrice": 1})

    assert (first.status_code, second.status_code) == (201, 201)
    item_id = first.json()["id"]
    assert re.fullmatch("[0-9a-f]{24}", item_id)
    assert first.text == f'{{"id":"{item_id}","itemId":"{HOLY}","quantity":3,"unitPrice":15.0}}'
    assert second.json() == {**first.json(), "quantity": 4}
    assert http.get(f"{cart}/items/{HOLY}").json() == second.json()


def test_quantity_alone_is_patched_and_has_no_lower_bound(cart: str) -> None:
    http.post(f"{cart}/items", json={"itemId": HOLY, "unitPrice": 99.99})
    for quantity in (7, 0, -2):
        answer = http.patch(f"{cart}/items", json={"itemId": HOLY, "quantity": quantity, "unitPrice": 1})
        assert (answer.status_code, answer.content) == (202, b"")
        assert rows(cart) == [(HOLY, quantity, 99.99)]


def test_an_item_and_a_cart_are_removed(cart: str) -> None:
    for item in (HOLY, NERD):
        http.post(f"{cart}/items", json={"itemId": item, "unitPrice": 1})

    removed = http.delete(f"{cart}/items/{HOLY}")

    assert (removed.status_code, removed.content) == (202, b"")
    assert rows(cart) == [(NERD, 1, 1.0)]
    for _ in range(2):
        assert (http.delete(cart).status_code, rows(cart)) == (202, [])


def test_a_merge_appends_rows_without_adding_up_and_empties_the_session(cart: str) -> None:
    session = f"{cart}-session"
    http.post(f"{cart}/items", json={"itemId": HOLY, "unitPrice": 1})
    for item in (HOLY, NERD):
        http.post(f"{session}/items", json={"itemId": item, "quantity": 2, "unitPrice": 3})

    answer = http.get(f"{cart}/merge", params={"sessionId": session.rpartition("/")[2]})

    assert (answer.status_code, answer.content) == (202, b"")
    assert rows(cart) == [(HOLY, 1, 1.0), (HOLY, 2, 3.0), (NERD, 2, 3.0)]
    assert rows(session) == []
    http.delete(f"{cart}/items/{HOLY}")
    assert rows(cart) == [(HOLY, 2, 3.0), (NERD, 2, 3.0)]
    assert http.get(f"{cart}/merge?sessionId=absent").status_code == 202
    assert http.get(f"{cart}/merge", params={"sessionId": cart.rpartition("/")[2]}).status_code == 202
    assert len(rows(cart)) == 2


# What is posted, status, the stored row without its id: what a YAML row cannot hold, and that a refusal stores nothing.
BODIES = [
    (b"{}", 201, ("", 1, 0.0)),
    (b'{"itemId":5,"quantity":"3","unitPrice":"2.5","more":1}', 201, ("5", 3, 2.5)),
    (b'{"itemId":"a","quantity":2147483647}', 201, ("a", 2147483647, 0.0)),
    (b'{"itemId":"a","unitPrice":1e300}', 201, ("a", 1, "Infinity")),
    (b'{"itemId":"a","unitPrice":99.99}', 201, ("a", 1, 99.99)),
    (b'{"itemId":null}', 500, None),
    (b'{"itemId":"a","quantity":2147483648}', 400, None),
    (b'{"itemId":"a","quantity":1e400}', 400, None),
    (b'{"itemId":"a","quantity":true}', 400, None),
    (b'{"itemId":"a","unitPrice":[]}', 400, None),
    (b'{"itemId":{}}', 400, None),
    (b'{"itemId":"a\\u0000"}', 400, None),
    (b"", 400, None),
    (b"{", 400, None),
    (b"[]", 400, None),
    (b"[" * 100_000, 400, None),
    (b'{"itemId":"' + b"a" * (1 << 21) + b'"}', 413, None),
]


@pytest.mark.parametrize(("content", "status", "row"), BODIES)
def test_a_body_is_read_as_jackson_reads_it(
    cart: str, content: bytes, status: int, row: tuple[str, int, object] | None
) -> None:
    answer = http.post(f"{cart}/items", content=content, headers={"content-type": "application/json"})

    assert answer.status_code == status, answer.text
    assert rows(cart) == ([row] if row else [])
    if status != 201:
        assert list(answer.json()) == ["timestamp", "status", "error", "message", "path"]


def test_clicks_side_by_side_are_all_counted(cart: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: http.post(f"{cart}/items", json={"itemId": HOLY}).status_code, range(24)))

    assert set(statuses) == {201}
    assert rows(cart) == [(HOLY, 24, 0.0)]


def test_metrics_and_health_have_springs_shapes(shop: Shop, cart: str) -> None:
    http.get(cart)
    http.get(f"{cart}/items")
    http.get(f"{cart}/items/nosuch")
    text = http.get(f"{shop.carts.url}/metrics").text

    for path, status in (
        ("/carts/{customerId}", 200),
        ("/carts/{customerId:.*}/items", 200),
        ("/carts/{customerId:.*}/items/{itemId:.*}", 500),
    ):
        labels = f'{{method="GET",path="{path}",service="carts",status_code="{status}"}}'
        assert f"http_request_duration_seconds_count{labels}" in text
    health = http.get(f"{shop.carts.url}/health").json()["health"]
    assert [list(part) for part in health] == [["service", "status", "date"]] * 2
    assert [(part["service"], part["status"]) for part in health] == [("carts", "OK"), ("carts-db", "OK")]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", health[0]["date"])

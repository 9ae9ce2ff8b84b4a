"""
The user service's wire contract.
"""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from .conftest import Postgres, Processes, Shop, http

HAL = "application/hal+json"
TEXT = "text/plain; charset=utf-8"
USER, EVE, USER1 = "57a98d98e4b00679b4a830b2", "57a98d98e4b00679b4a830af", "57a98d98e4b00679b4a830b5"
UNKNOWN = "57a98d98e4b00679b4a83fff"


@pytest.fixture(scope="module")
def url(lasting: Processes, postgres: Postgres) -> str:
    """A user service that links to `user`, as in the cluster."""
    return lasting.start("user", DATABASE_URL=postgres.url("users"), HATEAOS="user").url


def customer(customer_id: str, first: str, last: str, username: str) -> dict[str, Any]:
    href = f"http://user/customers/{customer_id}"
    links = {"addresses": f"{href}/addresses", "cards": f"{href}/cards", "customer": href, "self": href}
    return {
        "firstName": first,
        "lastName": last,
        "username": username,
        "id": customer_id,
        "_links": {name: {"href": link} for name, link in links.items()},
    }


def test_no_password_is_stored_in_a_form_that_can_be_read(postgres: Postgres) -> None:
    stored = postgres.query("users", "SELECT password FROM customers")

    assert all(re.fullmatch(r"scrypt\$16384\$8\$1\$[0-9a-f]{32}\$[0-9a-f]{64}", row[0]) for row in stored)


NOT_SERVED = [("POST", "/login"), ("PUT", "/customers"), ("GET", "/nosuch"), ("GET", "/"), ("HEAD", "/customers")]


def test_a_customer_registers_gets_an_address_and_a_card_and_goes_with_both(url: str) -> None:
    registered = http.post(
        f"{url}/register",
        content=b'{"username":"ann","password":"s3cret","email":"a@b.c","firstName":"Ann","LASTNAME":null} trailing',
    )
    assert (registered.status_code, registered.headers["content-type"]) == (200, HAL)
    customer_id = registered.json()["id"]
    assert re.fullmatch(r'\{"id":"[0-9a-f]{24}"\}\n', registered.text)
    assert http.get(f"{url}/login", auth=("ann", "s3cret")).json()["user"] == customer(customer_id, "Ann", "", "ann")
    assert http.get(f"{url}/customers/{customer_id}/addresses").text == '{"_embedded":{"address":[]}}\n'
    assert http.get(f"{url}/customers/{customer_id}/cards").text == '{"_embedded":{"card":[]}}\n'
    address = http.post(f"{url}/addresses", json={"street": "s", "userID": customer_id}).json()["id"]
    cards = [
        http.post(f"{url}/cards", json={"longNum": number, "ccv": "1", "userID": customer_id}).json()["id"]
        for number in ("4111111111111111", "1234")
    ]
    listed = http.get(f"{url}/customers/{customer_id}/cards").json()["_embedded"]["card"]
    assert [(card["id"], card["longNum"], card["expires"]) for card in listed] == [
        (cards[0], "4111111111111111", ""),
        (cards[1], "1234", ""),
    ]
    assert http.delete(f"{url}/cards/{cards[0]}").text == '{"status":true}\n'
    assert http.delete(f"{url}/cards/{cards[0]}").json()["error"] == "not found"
    assert [c["id"] for c in http.get(f"{url}/customers/{customer_id}/cards").json()["_embedded"]["card"]] == cards[1:]

    assert http.delete(f"{url}/customers/{customer_id}").text == '{"status":true}\n'

    for path in (f"/customers/{customer_id}", f"/cards/{cards[1]}", f"/addresses/{address}"):
        assert http.get(url + path).json()["error"] == "not found"


def test_a_customer_posted_without_registering_has_an_empty_password(url: str) -> None:
    body = {"username": "bob", "password": "ignored", "firstName": "Bob", "lastName": "B"}
    assert http.post(f"{url}/customers", json=body).status_code == 200

    assert http.get(f"{url}/login", auth=("bob", "")).status_code == 200
    assert http.get(f"{url}/login", auth=("bob", "ignored")).status_code == 401


def test_an_entity_refused_for_its_owner_is_stored_all_the_same(url: str) -> None:
    before = len(http.get(f"{url}/cards").json()["_embedded"]["card"])

    http.post(f"{url}/cards", json={"longNum": "1", "userID": "bad"})
    http.post(f"{url}/cards", json={"longNum": "2", "userID": UNKNOWN})

    assert len(http.get(f"{url}/cards").json()["_embedded"]["card"]) == before + 2


def test_links_name_the_host_that_was_asked_where_no_domain_is_set(shop: Shop) -> None:
    found = http.get(f"{shop.user.url}/customers/{USER}").json()

    assert found["_links"]["self"]["href"] == f"{shop.user.url}/customers/{USER}"


@pytest.mark.parametrize(
    "content", [b'{"username":"a\\u0000b"}', b"[" * 100_000, b'{"username":"\\ud800"}', b"\xff\xfe"]
)
def test_strange_bodies_get_an_answer(url: str, content: bytes) -> None:
    answer = http.post(f"{url}/register", content=content)

    assert answer.status_code in (200, 500)
    assert answer.json()


def test_a_body_without_end_is_refused(url: str) -> None:
    assert http.post(f"{url}/register", content=b" " * (2 << 20)).status_code == 413


def test_no_secret_is_logged(lasting: Processes, postgres: Postgres, tmp_path: object) -> None:
    service = lasting.start("user", DATABASE_URL=postgres.url("users"))
    http.post(f"{service.url}/register", json={"username": "carl", "password": "hunter2"})
    http.get(f"{service.url}/login", auth=("carl", "hunter2"))
    http.post(f"{service.url}/cards", json={"longNum": "4999888877776666", "ccv": "321"})

    assert not [secret for secret in ("hunter2", "4999888877776666", "ccv=321") if secret in service.log()]
    http.get(f"{service.url}/customers/{UNKNOWN}")
    assert service.lines_with('caller=server.go:110 err="not found"')
    assert re.search(r"caller=middlewares.go:31 method=Login .*took=\d+(\.\d+)?(ms|s)", service.log())


def test_metrics_count_requests_by_their_first_path_and_by_method(url: str) -> None:
    http.get(f"{url}/login")
    http.delete(f"{url}/cards/{UNKNOWN}")
    text = http.get(f"{url}/metrics").text

    for method, path, status in (("GET", "login", 401), ("DELETE", "root", 500), ("GET", "health", 200)):
        labels = f'{{isWS="false",method="{method}",path="{path}",status_code="{status}"}}'
        assert f"http_request_duration_seconds_count{labels}" in text
    for method in ("login", "delete", "health"):
        assert f'microservices_demo_user_request_count{{method="{method}"}}' in text
        assert f'microservices_demo_user_request_latency_microseconds_count{{method="{method}"}}' in text


def test_health_is_served_under_every_path_with_its_prefix(url: str) -> None:
    for path in ("/health", "/healthzzz", "/health/x"):
        answer: httpx.Response = http.get(url + path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, HAL)
        time_text = answer.json()["health"][0]["time"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})? \+0000 UTC m=\+\d+\.\d{9}", time_text)
        assert [part["service"] for part in answer.json()["health"]] == ["user", "user-db"]

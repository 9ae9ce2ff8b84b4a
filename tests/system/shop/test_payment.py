"""
payment's wire contract, without a gateway and with one that cannot be reached.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator

import pytest

from .conftest import Processes, Shop, http


def test_health_and_log_lines_are_the_originals(shop: Shop) -> None:
    http.post(f"{shop.payment.url}/paymentAuth", content=b'{"amount":1}')
    [part] = http.get(f"{shop.payment.url}/health").json()["health"]

    assert list(part) == ["service", "status", "time"]
    assert (part["service"], part["status"]) == ("payment", "OK")
    stamp = r"ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"
    health = rf"^{stamp} caller=logging\.go:36 method=Health result=1 took=[\d.]+(µs|ms)$"
    authorise = rf"^{stamp} caller=logging\.go:25 method=Authorise result=true .*took=[\d.]+(µs|ms)$"
    assert re.search(health, shop.payment.log(), re.MULTILINE)
    assert re.search(authorise, shop.payment.log(), re.MULTILINE)


def test_the_limit_is_a_setting(processes: Processes) -> None:
    payment = processes.start("payment", DECLINE_OVER="200.5")

    assert http.post(f"{payment.url}/paymentAuth", content=b'{"amount":200.5}').json()["authorised"]
    answer = http.post(f"{payment.url}/paymentAuth", content=b'{"amount":201}').json()
    assert answer == {"authorised": False, "message": "Payment declined: amount exceeds 200.50"}


@pytest.fixture
def odd_gateway() -> Iterator[list[bytes]]:
    """A gateway at a port (the list's first item) that answers with the list's second item, then closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        said = [str(listener.getsockname()[1]).encode(), b""]

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(said[1])

        thread = threading.Thread(target=serve)
        thread.start()
        yield said
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _answer(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body


# What the gateway says, the message.
GATEWAY_ANSWERS = [
    (_answer("200 OK", b"<html>"), "Payment gateway returned invalid JSON"),
    (_answer("503 Service Unavailable", b"busy"), "Payment gateway unavailable (HTTP 503)"),
    (_answer("429 Too Many Requests", b"slow down"), "Payment gateway rate limit exceeded"),
    (_answer("400 Bad Request", b'{"error":{"type":"invalid_request_error"}}'), "Payment request failed (HTTP 400)"),
    (_answer("402 Payment Required", b'{"error":{"type":"card_error"}}'), "Payment declined by gateway"),
    (
        _answer("200 OK", b'{"object":"payment_intent","id":"pi_1","status":"processing"}'),
        "Payment declined by gateway",
    ),
    (b"", 'Payment gateway error: Post "{url}/v1/payment_intents": EOF'),
]


def test_whatever_the_gateway_says_becomes_an_answer(processes: Processes, odd_gateway: list[bytes]) -> None:
    url = f"http://127.0.0.1:{odd_gateway[0].decode()}"
    payment = processes.start("payment", PAYMENT_GATEWAY_URL=url, DECLINE_OVER="50")
    for said, message in GATEWAY_ANSWERS:
        odd_gateway[1] = said
        answer = http.post(f"{payment.url}/paymentAuth", content=b'{"amount":19.99}')
        assert (answer.status_code, answer.json()) == (
            200,
            {"authorised": False, "message": message.replace("{url}", url)},
        )

    over = http.post(f"{payment.url}/paymentAuth", content=b'{"amount":50.01}').json()
    assert over["message"] == "Payment declined: amount exceeds 50.00"
    assert payment.lines_with("Calling payment gateway", "(amount=1999 cents)")


def test_a_gateway_that_cannot_be_reached_is_named(processes: Processes) -> None:
    for url, reason in (
        ("http://127.0.0.1:1", "dial tcp: connect: connection refused"),
        ("http://nosuch.invalid", "dial tcp: lookup failed: no such host"),
    ):
        payment = processes.start("payment", PAYMENT_GATEWAY_URL=url)
        answer = http.post(f"{payment.url}/paymentAuth", content=b'{"amount":1}').json()
        assert answer["message"] == f'Payment gateway error: Post "{url}/v1/payment_intents": {reason}'


def test_a_silent_gateway_is_left_after_the_limit(processes: Processes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        payment = processes.start("payment", PAYMENT_GATEWAY_URL=url, GATEWAY_TIMEOUT_S="0.2")
        answer = http.post(f"{payment.url}/paymentAuth", content=b'{"amount":1}').json()

    assert answer["message"] == f'Payment gateway error: Post "{url}/v1/payment_intents": context deadline exceeded'

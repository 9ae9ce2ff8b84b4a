"""
Bad input and floods, for every service, the bank and the broker's management API: an answer that says what is wrong, no
failure of our own last layer, and a service that answers afterwards.
"""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from .conftest import Broker, http, is_unforeseen
from .test_contract import urls as urls

MB = 1 << 20
DEEP = 100_000
IDLE_CLIENTS = 1000

BODIES = {
    "10 MB of text": b'{"id":"' + b"a" * (10 * MB) + b'"}',
    "10 MB of spaces": b" " * (10 * MB),
    "deep arrays": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"id":' * DEEP + b"1" + b"}" * DEEP,
    "half of deep objects": b'{"a":' * DEEP,
    "a list": b'[{"id":1}]',
    "a number": b"1",
    "a text": b'"id"',
    "null": b"null",
    "lists for texts": b'{"id":[],"username":[],"itemId":[],"longNum":[],"street":[],"amount":[],"name":[],"status":[]}',
    "objects for texts": b'{"id":{},"username":{},"itemId":{},"longNum":{},"street":{},"amount":{},"name":{},"status":{}}',
    "a NUL": b'{"id":"a\\u0000b","username":"n\\u0000","itemId":"\\u0000","street":"\\u0000","longNum":"4111\\u0000"}',
    "half a character": b'{"id":"\\ud800","username":"\\ud800","itemId":"\\ud800","street":"\\udfff","name":"\\ud800"}',
    "no UTF-8": b'{"id":"\xff\xfe","username":"\xc3\x28","itemId":"\xed\xa0\x80"}',
    "numbers without end": b'{"amount":' + b"9" * 100_000 + b',"quantity":' + b"9" * 5000 + b"}",
    "an exponent without end": b'{"amount":1e999999999,"quantity":1e999999999,"unitPrice":1e999999999}',
    "the same key often": b"{" + b'"id":"x",' * 10_000 + b'"id":"y"}',
    "SQL": b"""{"id":"x'; DROP TABLE sock; --","itemId":"' OR '1'='1","street":"'); DELETE FROM cards; --"}""",
}

ROUTES = [
    ("catalogue", "POST", "/catalogue"),
    ("user", "POST", "/register"),
    ("user", "POST", "/addresses"),
    ("user", "POST", "/cards"),
    ("carts", "POST", "/carts/hostile/items"),
    ("carts", "PATCH", "/carts/hostile/items"),
    ("orders", "POST", "/orders"),
    ("orders", "PATCH", "/orders/6900953ac1f4320001b50703"),
    ("payment", "POST", "/paymentAuth"),
    ("shipping", "POST", "/shipping"),
    ("queue-master", "POST", "/health"),
    ("front-end", "POST", "/cart"),
    ("front-end", "POST", "/cart/update"),
    ("front-end", "POST", "/register"),
    ("front-end", "POST", "/addresses"),
    ("bank", "POST", "/v1/payment_intents"),
    ("bank", "POST", "/v1/refunds"),
    ("broker", "PUT", "/api/queues/%2F/hostile"),
]


@pytest.fixture(scope="module")
def everything(urls: Mapping[str, str], bank: str, broker: Broker) -> Mapping[str, str]:
    """Whatever listens to HTTP, by its name."""
    return {**urls, "bank": bank, "broker": broker.management_url}


@pytest.mark.parametrize(("service", "method", "path"), ROUTES, ids=[f"{one[0]} {one[2]}" for one in ROUTES])
def test_a_hostile_body_gets_an_answer(everything: Mapping[str, str], service: str, method: str, path: str) -> None:
    for what, body in BODIES.items():
        headers = {"content-type": "application/json", **(_keys(service))}
        try:
            answer = http.request(method, everything[service] + path, content=body, headers=headers)
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            # The answer (413, 404) was given and the connection closed while we were still sending.
            assert len(body) > MB, what
            continue
        shown = f"{what}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code in (200, 201, 202, 204, 400, 401, 404, 405, 406, 409, 413, 415, 500), shown
        assert not is_unforeseen(answer.text), shown
    _assert_it_answers(everything, service)


def _keys(service: str) -> dict[str, str]:
    return {"authorization": "Bearer sk_test_mock"} if service == "bank" else {}


FORMS = [
    "amount=" + "9" * 5000,
    "amount=" + "9" * 60_000 + "&currency=usd",
    "amount=1e999999999&currency=usd",
    "amount=%00&currency=%ff%fe",
    "amount[]=1&amount[a][b][c]=2&metadata" + "[a]" * 5000 + "=x",
    "&".join(f"metadata[{number}]=x" for number in range(3000)),
    "currency=%3Cscript%3E&amount=500&metadata[order_id]='%20OR%201=1%20--",
    "limit=" + "9" * 5000,
]


@pytest.mark.parametrize("form", FORMS, ids=range(len(FORMS)))
def test_a_hostile_form_gets_the_banks_error(everything: Mapping[str, str], form: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", **_keys("bank")}
    for method, path in (("POST", "/v1/payment_intents"), ("POST", "/v1/charges"), ("POST", "/v1/refunds")):
        answer = http.request(method, everything["bank"] + path, content=form.encode(), headers=headers)
        assert answer.status_code in (400, 404, 413), answer.text
        assert answer.json()["error"]["message"]
    listed = http.get(f"{everything['bank']}/v1/charges?{form[:60_000]}", headers=_keys("bank"))
    assert listed.status_code in (200, 400, 414, 431), listed.text
    _assert_it_answers(everything, "bank")


ALIVE = {"front-end": "/tags", "broker": "/api/overview"}


def _assert_it_answers(everything: Mapping[str, str], service: str) -> None:
    answer = httpx.get(everything[service] + ALIVE.get(service, "/health"), timeout=10, trust_env=False)
    assert answer.status_code == 200, answer.text


def test_nothing_that_was_sent_was_executed(everything: Mapping[str, str]) -> None:
    assert len(http.get(everything["catalogue"] + "/catalogue").json()) == 10
    assert http.get(everything["user"] + "/login", auth=("user", "password")).status_code == 200
    assert len(http.get(everything["user"] + "/cards").json()["_embedded"]["card"]) >= 4


@contextmanager
def many_files() -> Iterator[None]:
    """Room for our own side of a flood."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[1], 8192) if before[1] > 0 else 8192, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("service", ["carts", "front-end", "bank", "broker"])
def test_a_thousand_idle_and_slow_clients_keep_nobody_out(everything: Mapping[str, str], service: str) -> None:
    url = httpx.URL(everything[service])
    with many_files(), ExitStack() as stack:
        clients = []
        for number in range(IDLE_CLIENTS):
            client = stack.enter_context(socket.create_connection((url.host, url.port or 80), timeout=10))
            if number % 2:
                client.sendall(b"GET /health HTTP/1.1\r\nx-slow: ")
            clients.append(client)
        for _ in range(3):
            for client in clients[1:200:2]:
                client.sendall(b"a")
            _assert_it_answers(everything, service)


def test_a_head_without_an_end_is_refused(everything: Mapping[str, str]) -> None:
    url = httpx.URL(everything["carts"])
    with socket.create_connection((url.host, url.port or 80), timeout=10) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nx: " + b"a" * 100_000)
        assert client.recv(1000).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\x00 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST /carts/x/items HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST /carts/x/items HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /carts/x/items HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(everything: Mapping[str, str], head: bytes) -> None:
    url = httpx.URL(everything["carts"])
    with socket.create_connection((url.host, url.port or 80), timeout=10) as client:
        client.sendall(head)
        answer = client.recv(1000)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 405 ", b"HTTP/1.1 404 ", b"HTTP/1.1 415 ")), answer
    _assert_it_answers(everything, "carts")


COOKIES = ["=", ";;;", "md.sid", "md.sid=", "md.sid=s%3A", "md.sid=%FF%FE; logged_in", 'md.sid="a\\"', "a" * 8000]


@pytest.mark.parametrize("cookie", COOKIES, ids=range(len(COOKIES)))
def test_a_broken_cookie_is_no_session(everything: Mapping[str, str], cookie: str) -> None:
    answer = http.get(everything["front-end"] + "/cart", headers={"cookie": cookie})

    assert (answer.status_code, answer.text) == (200, "[]")
    assert "md.sid=s%3A" in answer.headers["set-cookie"]

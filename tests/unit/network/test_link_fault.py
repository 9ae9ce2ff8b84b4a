from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.base.errors import DrillyardError
from drillyard.cluster.network.http_interceptor import HttpInterceptor
from drillyard.cluster.network.link_fault import HttpFault, Impairment, LinkFault
from drillyard.cluster.network.links import Links
from drillyard.cluster.network.topology import HOST, Client

ORDERS = Client("u1", "shop", "orders-5d4f-x", "orders", "10.244.0.2")
FAULT = {"name": "f", "client": "shop/orders", "service": "shop/payment", "latency_ms": 200}


async def _nothing() -> None:
    pass


@given(
    st.builds(
        Impairment,
        latency_ms=st.integers(0, 600_000),
        jitter_ms=st.integers(0, 600_000),
        bandwidth_kbps=st.integers(0, 600_000),
        stall=st.booleans(),
        reset=st.booleans(),
        http=st.none()
        | st.builds(HttpFault, st.sampled_from(["before", "after"]), st.sampled_from([503, "reset", "silence"])),
        share=st.floats(0.01, 1),
        seed=st.integers(),
    )
)
def test_an_impairment_survives_the_wire(impairment: Impairment) -> None:
    assert Impairment.from_json(impairment.to_json()) == impairment


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"latency_ms": -1}, "latency_ms is -1"),
        ({"latency_ms": True}, "latency_ms is True"),
        ({"share": 0}, "share is 0"),
        ({"share": float("nan")}, "share is nan"),
        ({"stall": "yes"}, "stall is 'yes'"),
        ({"http": {"when": "during", "answer": 500}}, "when is 'during'"),
        ({"http": {"when": "before", "answer": 99}}, "answer is 99"),
        ({"http": 503}, "http is 503"),
        ({"loss": 3}, "no 'loss'"),
        ({"service": "payment"}, "needs a name and a service"),
        ({"port": 0}, "port is 0"),
        ({"client": 7}, "client is 7"),
    ],
)
def test_a_wrong_fault_is_refused_with_its_key_and_value(change: dict[str, Any], told: str) -> None:
    with pytest.raises(DrillyardError, match=told):
        LinkFault.from_json({**FAULT, **change})


async def test_a_fault_holds_for_its_client_alone() -> None:
    links = Links(_nothing)
    await links.set(LinkFault.from_json(FAULT))
    assert links.on(ORDERS, "shop/payment", 80) == Impairment(latency_ms=200)
    assert links.on(ORDERS, "shop/user", 80) is None
    assert links.on(Client(HOST, "", HOST), "shop/payment", 80) is None
    assert links.on(Client("u2", "shop", "carts-1-x", "carts"), "shop/payment", 80) is None


async def test_two_faults_on_one_link_add_up_and_each_is_cleared_alone() -> None:
    links = Links(_nothing)
    await links.set(LinkFault.from_json(FAULT))
    await links.set(LinkFault.from_json({"name": "g", "service": "shop/payment", "port": 80, "bandwidth_kbps": 8}))
    assert links.on(ORDERS, "shop/payment", 80) == Impairment(latency_ms=200, bandwidth_kbps=8)
    await links.clear("f")
    await links.clear("f")
    assert links.on(ORDERS, "shop/payment", 80) == Impairment(bandwidth_kbps=8)
    assert links.on(ORDERS, "shop/payment", 81) is None


class _Line:
    """An interceptor between a client and a service that only note what they get."""

    def __init__(self, fault: HttpFault | None, share: float = 1.0) -> None:
        self.fault = fault
        self.service, self.client, self.resets = b"", b"", 0
        self.http = HttpInterceptor(
            lambda: (self.fault, share) if self.fault else None,
            self._to_service,
            self._to_client,
            self._reset,
            Random(1),
        )

    def _to_service(self, data: bytes) -> None:
        self.service += data

    def _to_client(self, data: bytes) -> None:
        self.client += data

    def _reset(self) -> None:
        self.resets += 1


REQUEST = b"POST /orders HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody"
ANSWER = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok"


@given(cut=st.integers(1, len(REQUEST) - 1))
def test_before_the_service_never_sees_the_request(cut: int) -> None:
    line = _Line(HttpFault("before", 503))
    line.http.from_client(REQUEST[:cut])
    assert line.client == b""
    line.http.from_client(REQUEST[cut:])
    assert line.service == b""
    assert line.client.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")


@given(cut=st.integers(1, len(ANSWER) - 1))
def test_after_the_service_did_the_work_and_nobody_learns_of_it(cut: int) -> None:
    line = _Line(HttpFault("after", 500))
    line.http.from_client(REQUEST)
    assert line.service == REQUEST
    line.http.from_service(ANSWER[:cut])
    assert line.client == b""
    line.http.from_service(ANSWER[cut:])
    assert line.client.startswith(b"HTTP/1.1 500 ")
    assert line.client.count(b"HTTP/1.1") == 1


def test_a_cleared_fault_lets_the_next_answer_through_on_the_same_connection() -> None:
    line = _Line(HttpFault("after", 500))
    line.http.from_client(REQUEST)
    line.http.from_service(ANSWER)
    line.fault, line.client = None, b""
    line.http.from_client(REQUEST)
    line.http.from_service(ANSWER)
    assert (line.service, line.client) == (REQUEST * 2, ANSWER)


def test_an_answer_can_be_a_reset_or_silence() -> None:
    line = _Line(HttpFault("after", "reset"))
    line.http.from_client(REQUEST)
    line.http.from_service(ANSWER)
    assert (line.resets, line.client) == (1, b"")
    silent = _Line(HttpFault("before", "silence"))
    silent.http.from_client(REQUEST)
    assert (silent.service, silent.client, silent.resets) == (b"", b"", 0)


def test_a_share_of_requests_is_hit_and_the_rest_is_untouched() -> None:
    line = _Line(HttpFault("before", 503), share=0.5)
    for _ in range(200):
        before = len(line.service)
        line.http.from_client(REQUEST)
        if len(line.service) > before:
            line.http.from_service(ANSWER)
    answers = line.client.count(b"201 Created")
    assert 60 < answers < 140
    assert answers + line.client.count(b"HTTP/1.1 503") == 200


@given(st.binary(min_size=1, max_size=200))
def test_what_is_no_http_passes_as_it_is(data: bytes) -> None:
    line = _Line(HttpFault("before", 503))
    line.http.from_client(b"\x00\x00" + data)
    line.http.from_service(data)
    assert line.service == b"\x00\x00" + data
    assert line.client == data

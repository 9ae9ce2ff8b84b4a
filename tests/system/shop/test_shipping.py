"""
The wire contracts of shipping and queue-master, and what stands on the queue between them.
"""

from __future__ import annotations

import json
import re

import pytest

from .conftest import Processes, Shop, http, start_broker

# Body, status, name that comes back.
BODIES = [
    (b'{"id":"1","name":"c"}', 201, "c"),
    (b'{"id":"1"}', 201, ""),
    (b'{"id":7,"name":null}', 201, ""),
    (b"{}", 201, ""),
    (b'{"name":[]}', 400, None),
    (b"", 400, None),
    (b"[]", 400, None),
    (b"x", 400, None),
]


@pytest.mark.parametrize(("content", "status", "name"), BODIES)
def test_a_shipment_is_echoed_with_an_id(shop: Shop, content: bytes, status: int, name: str | None) -> None:
    answer = http.post(f"{shop.shipping.url}/shipping", content=content, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json;charset=UTF-8")
    assert answer.headers["x-application-context"].startswith("shipping:")
    if status == 201:
        assert list(answer.json()) == ["id", "name"]
        assert re.fullmatch("[17]|[0-9a-f-]{36}", answer.json()["id"])
        assert answer.json()["name"] == name


# Path, content type, text.
TEXTS = [
    ("/shipping", "GET ALL Shipping Resource."),
    ("/shipping/7", "GET Shipping Resource with id: 7"),
]


@pytest.mark.parametrize(("path", "text"), TEXTS)
def test_reading_gives_the_originals_fixed_texts(shop: Shop, path: str, text: str) -> None:
    answer = http.get(shop.shipping.url + path)

    assert (answer.status_code, answer.text) == (200, text)


def test_a_message_is_what_the_original_puts_on_the_queue_and_the_orders_id(processes: Processes) -> None:
    broker, _ = start_broker(processes)
    shipping = processes.start("shipping", AMQP_URL=broker.amqp_url)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"x-order-id": "6900953ac1f4320001b50703", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    http.post(f"{shipping.url}/shipping", json={"id": "1", "name": "customer"}, headers=headers)

    get = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
    [message] = http.post(f"{broker.management_url}/api/queues/%2F/shipping-task/get", json=get).json()

    assert json.loads(message["payload"]) == {"id": "1", "name": "customer", "orderId": "6900953ac1f4320001b50703"}
    assert (message["exchange"], message["routing_key"]) == ("", "shipping-task")
    properties = message["properties"]
    assert properties["content_type"] == "application/json"
    assert properties["headers"]["__TypeId__"] == "works.weave.socks.shipping.entities.Shipment"
    assert properties["headers"]["X-Order-Id"] == "6900953ac1f4320001b50703"
    assert properties["headers"]["traceparent"].startswith(f"00-{trace}-")
    queue = http.get(f"{broker.management_url}/api/queues/%2F/shipping-task").json()
    assert (queue["durable"], queue["messages"]) == (False, 1)
    bindings = http.get(f"{broker.management_url}/api/queues/%2F/shipping-task/bindings").json()
    assert ("shipping-task-exchange", "shipping-task") in [(b["source"], b["routing_key"]) for b in bindings]


def test_an_order_id_that_would_break_the_log_is_not_taken(shop: Shop) -> None:
    http.post(f"{shop.shipping.url}/shipping", json={"name": "x"}, headers={"x-order-id": "a b\x7f=c"})

    assert "a b" not in shop.shipping.log()


def test_health_and_metrics(shop: Shop) -> None:
    health = http.get(f"{shop.shipping.url}/health").json()["health"]
    assert [(part["service"], part["status"]) for part in health] == [("shipping-rabbitmq", "OK"), ("shipping", "OK")]
    assert [list(part) for part in health] == [["service", "status", "date"]] * 2
    http.get(f"{shop.shipping.url}/shipping/7")
    labels = '{method="GET",route="/shipping/{id}",service="shipping",status_code="200"}'
    assert f"request_duration_seconds_count{labels}" in http.get(f"{shop.shipping.url}/metrics").text


def test_queue_master_serves_health_and_its_own_metrics_path_and_nothing_else(shop: Shop) -> None:
    health = http.get(f"{shop.queue_master.url}/health").json()["health"]
    assert [(part["service"], part["status"]) for part in health] == [
        ("queue-master", "OK"),
        ("queue-master-rabbitmq", "OK"),
    ]
    assert "shipment_tasks_total" in http.get(f"{shop.queue_master.url}/prometheus").text
    for path in ("/metrics", "/", "/shipping"):
        answer = http.get(shop.queue_master.url + path)
        assert (answer.status_code, answer.json()["message"]) == (404, "No message available")


def test_queue_master_says_that_it_cannot_consume_while_the_broker_is_away(processes: Processes) -> None:
    queue_master = processes.start("queue_master", AMQP_URL="amqp://127.0.0.1:1/")

    health = http.get(f"{queue_master.url}/health")

    assert health.status_code == 200
    assert [part["status"] for part in health.json()["health"]] == ["OK", "err"]

"""
The wire contracts of shipping and queue-master, and what stands on the queue between them.
"""

from __future__ import annotations

import json

from .conftest import Processes, Shop, http, start_broker


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


def test_queue_master_says_that_it_cannot_consume_while_the_broker_is_away(processes: Processes) -> None:
    queue_master = processes.start("queue_master", AMQP_URL="amqp://127.0.0.1:1/")

    health = http.get(f"{queue_master.url}/health")

    assert health.status_code == 200
    assert [part["status"] for part in health.json()["health"]] == ["OK", "err"]

"""
An order's whole way, through real processes, a real PostgreSQL and a broker.
"""

from __future__ import annotations

import re
import signal
import threading
import time

import httpx
import pytest

from .conftest import BANK_ADMIN, JSON, Broker, Postgres, Processes, Shop, http, start_broker, status_of, wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
REFUSED = "http://127.0.0.1:1"


def test_an_order_is_paid_then_shipped_and_its_id_and_trace_stand_in_every_log(shop: Shop) -> None:
    answer = shop.place(traceparent=TRACEPARENT)

    assert answer.status_code == 201
    order = answer.json()
    assert (order["status"], order["total"], order["card"]["longNum"]) == ("PAID", 19.99, "5544154011345918")
    wait_until(lambda: status_of(shop.orders, order["id"]) == "SHIPPED", "the order is SHIPPED")
    for service, text in (
        (shop.orders, f"Order created with ID: {order['id']} and status: Created"),
        (shop.orders, f"Order {order['id']} status updated to PENDING"),
        (shop.orders, f"Sending payment request for order {order['id']}: PaymentRequest{{"),
        (
            shop.orders,
            f"Received payment response for order {order['id']}: "
            "PaymentResponse{authorised=true, message=Payment authorised}",
        ),
        (shop.orders, f"Order {order['id']} payment successful, status updated to PAID"),
        (shop.orders, f"Order {order['id']} shipped successfully"),
        (shop.payment, f"order_id={order['id']}"),
        (shop.shipping, f"Adding shipment to queue with publisher confirms... order {order['id']}"),
        (shop.shipping, f"Message confirmed by RabbitMQ (order {order['id']})"),
        (
            shop.shipping,
            f"Published shipment {order['shipment']['id']} for order {order['id']} to queue: shipping-task",
        ),
        (shop.queue_master, f"Consuming from queue: shipping-task order {order['id']}"),
        (shop.queue_master, f"Received shipment task: {order['customerId']} order {order['id']}"),
        (shop.queue_master, f"Message processed successfully: shipment {order['shipment']['id']} order {order['id']}"),
    ):
        assert len(service.lines_with(text, TRACE[16:])) == 1, text
    assert "5544154011345918" not in shop.orders.log() + shop.payment.log()


def test_a_healthy_run_logs_no_warning_and_no_error(shop: Shop) -> None:
    services = (shop.orders, shop.shipping, shop.queue_master, shop.carts)
    said_before = [len(service.log()) for service in services]
    order_id = shop.place().json()["id"]
    wait_until(lambda: status_of(shop.orders, order_id) == "SHIPPED", "an order is SHIPPED")

    for service, before in zip(services, said_before, strict=True):
        said = service.log()[before:]
        assert service is shop.carts or order_id in said
        assert not re.findall(r"^.{23} +(?:WARN|ERROR).*$", said, re.MULTILINE)
    assert shop.queue_master.lines_with("Consuming from queue: shipping-task")[0].endswith("shipping-task")


def test_every_status_is_kept_with_its_time(shop: Shop, postgres: Postgres) -> None:
    order_id = shop.place().json()["id"]
    wait_until(lambda: status_of(shop.orders, order_id) == "SHIPPED", "the order is SHIPPED")

    history = postgres.query(
        "orders", f'SELECT status, at FROM "orderStatus" WHERE "orderId" = \'{order_id}\' ORDER BY seq'
    )

    assert [status for status, _ in history] == ["CREATED", "PENDING", "PAID", "SHIPPED"]
    assert [at for _, at in history] == sorted(at for _, at in history)
    assert postgres.query("orders", f'SELECT "totalCents" FROM "customerOrder" WHERE id = \'{order_id}\'') == [["1999"]]


def test_a_payment_that_refuses_connections_fails_the_order(
    shop: Shop, processes: Processes, postgres: Postgres
) -> None:
    orders = processes.start("orders", DATABASE_URL=postgres.url("orders"), PAYMENT_URL=REFUSED)

    answer = shop.place(orders)

    assert answer.status_code == 500
    message = answer.json()["message"]
    order_id = message.rpartition(" ")[2]
    assert message == f"Payment service unavailable for order {order_id}"
    shown = http.get(f"{orders.url}/orders/{order_id}").json()
    assert (shown["status"], shown["shipment"]) == ("PAYMENT_FAILED", None)
    java = (
        f"Payment failed for order {order_id}: org.springframework.web.client.ResourceAccessException: "
        f'I/O error on POST request for "{REFUSED}/paymentAuth": Connection refused (Connection refused); nested '
        "exception is java.net.ConnectException: Connection refused (Connection refused)"
    )
    lines = orders.log().splitlines()
    assert [line for line in lines if " ERROR " in line and line.endswith(java)]
    assert orders.lines_with(" WARN ", f"Order {order_id} status updated to PAYMENT_FAILED due to: Connection refused")
    assert orders.lines_with(" ERROR ", f"Servlet.service() threw exception: {message}")


def test_a_gateway_slower_than_orders_waits_takes_money_for_a_failed_order(
    shop: Shop, processes: Processes, postgres: Postgres, bank: str
) -> None:
    payment = processes.begin("payment", PAYMENT_GATEWAY_URL=bank)
    orders = processes.start(
        "orders", DATABASE_URL=postgres.url("orders"), PAYMENT_URL=payment.url, HTTP_TIMEOUT_S="0.5"
    )
    processes.wait(payment)
    slow = {"mode": "slow_before_capture", "delay_s": 1}
    assert http.put(f"{bank}/admin/behaviour", json=slow, headers=BANK_ADMIN).is_success
    try:
        answer = shop.place(orders)
    finally:
        http.delete(f"{bank}/admin/behaviour", headers=BANK_ADMIN)

    assert answer.status_code == 500
    assert answer.json()["message"] == "Unable to create order due to timeout from one of the services."
    order_id = orders.lines_with("Order created with ID:")[-1].split("ID: ")[1].split()[0]
    assert status_of(orders, order_id) == "PAYMENT_FAILED"
    wait_until(lambda: _charges(bank, order_id) == [1999], "the bank has charged the failed order once")


def _charges(bank: str, order_id: str) -> list[int]:
    intents = http.get(f"{bank}/v1/payment_intents", headers={"authorization": "Bearer sk_test_mock"}).json()["data"]
    return [intent["amount_received"] for intent in intents if intent["metadata"].get("order_id") == order_id]


GATEWAY = [
    ({"mode": "error_before_capture"}, "Payment gateway unavailable (HTTP 500)"),
    ({"mode": "rate_limit"}, "Payment gateway rate limit exceeded"),
]


def test_the_gateways_failures_are_declined_orders_with_its_words(
    shop: Shop, processes: Processes, postgres: Postgres, bank: str
) -> None:
    payment = processes.begin("payment", PAYMENT_GATEWAY_URL=bank)
    orders = processes.start(
        "orders", DATABASE_URL=postgres.url("orders"), PAYMENT_URL=payment.url, SHIPPING_URL=shop.shipping.url
    )
    processes.wait(payment)

    for behaviour, message in GATEWAY:
        assert http.put(f"{bank}/admin/behaviour", json=behaviour, headers=BANK_ADMIN).is_success
        answer = shop.place(orders)
        assert (answer.status_code, answer.json()["message"]) == (406, message)
    http.delete(f"{bank}/admin/behaviour", headers=BANK_ADMIN)
    placed = shop.place(orders)
    assert placed.status_code == 201, placed.text + payment.log()
    order_id = placed.json()["id"]
    assert _charges(bank, order_id) == [1999]
    assert orders.lines_with(
        f"for order {order_id}: PaymentResponse{{authorised=true, message=Payment authorized (charge: ch_"
    )
    assert payment.lines_with("Payment gateway unavailable (HTTP 500)", "level=error", "order_id=")


def test_orders_stay_paid_while_nobody_consumes_and_ship_once_when_somebody_does(
    shop: Shop, processes: Processes, postgres: Postgres
) -> None:
    broker, _ = start_broker(processes)
    shipping = processes.start("shipping", AMQP_URL=broker.amqp_url)
    orders = processes.start(
        "orders", DATABASE_URL=postgres.url("orders"), PAYMENT_URL=shop.payment.url, SHIPPING_URL=shipping.url
    )
    placed = [shop.place(orders).json()["id"] for _ in range(3)]
    assert {status_of(orders, order_id) for order_id in placed} == {"PAID"}

    queue_master = processes.start("queue_master", AMQP_URL=broker.amqp_url, ORDERS_URL=orders.url, WORK_MS="0")

    for order_id in placed:
        wait_until(
            lambda order_id=order_id: status_of(orders, order_id) == "SHIPPED", "the backlog ships", queue_master
        )
        assert len(orders.lines_with(f"Order {order_id} shipped successfully")) == 1


def test_a_full_queue_is_a_503_from_shipping_and_leaves_a_paid_order_unshipped(
    shop: Shop, processes: Processes, postgres: Postgres
) -> None:
    broker, _ = start_broker(processes)
    shipping = processes.start("shipping", AMQP_URL=broker.amqp_url)
    orders = processes.start(
        "orders", DATABASE_URL=postgres.url("orders"), PAYMENT_URL=shop.payment.url, SHIPPING_URL=shipping.url
    )
    policy = {
        "pattern": "^shipping-task$",
        "definition": {"max-length": 1, "overflow": "reject-publish"},
        "apply-to": "queues",
    }
    assert http.put(f"{broker.management_url}/api/policies/%2F/shipping-limit", json=policy).is_success
    assert shop.place(orders).status_code == 201

    answer = shop.place(orders)

    assert answer.status_code == 500
    assert answer.json()["message"] == "Unable to create order due to unspecified IO error."
    order_id = orders.lines_with("HttpServerErrorException: 503 null")[0].split("for order ")[1].split(":")[0]
    shown = http.get(f"{orders.url}/orders/{order_id}").json()
    assert (shown["status"], shown["shipment"]) == ("PAID", None)
    assert shipping.lines_with(" ERROR ", "Message rejected by RabbitMQ: Unknown", order_id)
    refused = http.post(f"{shipping.url}/shipping", json={"id": "1", "name": "c"})
    assert (refused.status_code, refused.json()) == (503, {"error": "Queue unavailable", "reason": "Unknown"})


def test_without_confirms_a_refused_message_is_nobodys_news(processes: Processes) -> None:
    broker, _ = start_broker(processes)
    shipping = processes.start("shipping", AMQP_URL=broker.amqp_url, PUBLISHER_CONFIRMS="false")
    policy = {"pattern": ".*", "definition": {"max-length": 0, "overflow": "reject-publish"}, "apply-to": "queues"}
    assert http.put(f"{broker.management_url}/api/policies/%2F/limit", json=policy).is_success

    answer = http.post(f"{shipping.url}/shipping", json={"id": "1", "name": "customer"})

    assert (answer.status_code, answer.json()) == (201, {"id": "1", "name": "customer"})
    assert not re.findall("WARN|ERROR", shipping.log())


@pytest.mark.parametrize(("confirms", "status"), [("true", 500), ("false", 201)])
def test_shipping_answers_while_the_broker_is_away(processes: Processes, confirms: str, status: int) -> None:
    shipping = processes.start("shipping", AMQP_URL="amqp://guest:guest@127.0.0.1:1/", PUBLISHER_CONFIRMS=confirms)

    assert http.post(f"{shipping.url}/shipping", json={}).status_code == status
    health = http.get(f"{shipping.url}/health")
    assert [(part["service"], part["status"]) for part in health.json()["health"]] == [
        ("shipping-rabbitmq", "err"),
        ("shipping", "OK"),
    ]


def test_queue_master_comes_back_after_the_broker_was_away(
    shop: Shop, processes: Processes, postgres: Postgres
) -> None:
    broker, process = start_broker(processes)
    port = int(broker.amqp_url.rpartition(":")[2].rstrip("/"))
    shipping = processes.begin("shipping", AMQP_URL=broker.amqp_url)
    orders = processes.begin(
        "orders", DATABASE_URL=postgres.url("orders"), PAYMENT_URL=shop.payment.url, SHIPPING_URL=shipping.url
    )
    queue_master = processes.start("queue_master", AMQP_URL=broker.amqp_url, ORDERS_URL=orders.url, WORK_MS="0")
    processes.wait(shipping, orders)
    before = shop.place(orders).json()["id"]
    wait_until(lambda: status_of(orders, before) == "SHIPPED", "an order ships", queue_master)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: queue_master.lines_with("RabbitMQ is away"), "queue-master says so", queue_master)

    start_broker(processes, port)

    placed = shop.place(orders)
    assert placed.status_code == 201, placed.text
    after = placed.json()["id"]
    wait_until(lambda: status_of(orders, after) == "SHIPPED", "an order ships again", queue_master)


def test_queue_master_consumes_again_after_its_queue_was_deleted(
    shop: Shop, processes: Processes, postgres: Postgres
) -> None:
    broker, _ = start_broker(processes)
    queue_master = processes.start("queue_master", AMQP_URL=broker.amqp_url, ORDERS_URL=shop.orders.url)
    queue = f"{broker.management_url}/api/queues/%2F/shipping-task"
    wait_until(lambda: http.get(queue).json().get("consumers") == 1, "it consumes", queue_master)

    assert http.delete(queue).is_success

    wait_until(lambda: http.get(queue).json().get("consumers") == 1, "it consumes again", queue_master)
    assert queue_master.lines_with(" WARN ", "Lost the consumer of queue shipping-task")


def test_a_message_that_is_no_shipment_does_not_block_the_queue(
    shop: Shop, processes: Processes, broker: Broker
) -> None:
    publish = f"{broker.management_url}/api/exchanges/%2F/amq.default/publish"
    before = len(shop.queue_master.lines_with(" ERROR ", "Dropped"))  # The shop is the session's.
    for payload in ("not json", '{"id":"1","name":"c","orderId":"6900953ac1f4320001b50703"}', "[]"):
        body = {"routing_key": "shipping-task", "payload": payload, "payload_encoding": "string", "properties": {}}
        assert http.post(publish, json=body).json() == {"routed": True}

    order_id = shop.place().json()["id"]

    wait_until(lambda: status_of(shop.orders, order_id) == "SHIPPED", "the order behind them ships", shop.queue_master)
    assert len(shop.queue_master.lines_with(" ERROR ", "Dropped")) == before + 3


def test_every_service_ends_within_two_seconds_even_with_a_request_in_flight(
    shop: Shop, processes: Processes, postgres: Postgres, bank: str
) -> None:
    payment = processes.begin("payment", PAYMENT_GATEWAY_URL=bank)
    orders = processes.start("orders", DATABASE_URL=postgres.url("orders"), PAYMENT_URL=payment.url)
    processes.wait(payment)
    http.put(f"{bank}/admin/behaviour", json={"mode": "slow_before_capture", "delay_s": 4}, headers=BANK_ADMIN)
    request = shop.order_request(("510a0d7e-8e83-4193-b483-e27e09ddc34d", 15))
    asking = threading.Thread(target=_ask, args=(orders.url, request))
    asking.start()
    wait_until(lambda: orders.lines_with("Sending payment request"), "the payment is in flight")

    took = {}
    for service in (orders, payment):
        service.process.terminate()
    for name, service in (("orders", orders), ("payment", payment)):
        started_s = time.monotonic()
        assert service.process.wait(timeout=5) == 0, name
        took[name] = time.monotonic() - started_s
    asking.join()
    http.delete(f"{bank}/admin/behaviour", headers=BANK_ADMIN)

    assert max(took.values()) < 2.5  # The last resort is at 1.8 s; the rest is a busy machine's.


def _ask(url: str, request: dict[str, str]) -> None:
    try:
        httpx.post(f"{url}/orders", json=request, headers=JSON, timeout=10, trust_env=False)
    except httpx.TransportError:
        return

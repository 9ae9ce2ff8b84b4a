"""The two ways in which Prometheus sees the broker: its own endpoint, and the exporter beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import aio_pika
import httpx
import pytest
from aio_pika import Message
from prometheus_client.parser import text_string_to_metric_families


def samples(text: str) -> dict[tuple[str, str], float]:
    """By name and queue ('' where there is none)."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, sample.labels.get("queue", "")] = sample.value
    return found


@pytest.fixture
async def busy_broker(start_broker):
    """Two messages waiting and one held in `orders`."""
    broker = start_broker()
    async with await aio_pika.connect(broker.amqp_url) as connection, connection.channel() as channel:
        queue = await channel.declare_queue("orders", durable=True)
        for body in (b"1", b"2", b"3"):
            await channel.default_exchange.publish(Message(body), "orders")
        await queue.get()
        yield broker


async def test_metrics_carry_rabbitmq_s_names(busy_broker):
    async with httpx.AsyncClient(base_url=busy_broker.metrics_url) as client:
        total = samples((await client.get("/metrics")).text)
        each = samples((await client.get("/metrics/per-object")).text)

    assert total["rabbitmq_queue_messages_ready", ""] == 2
    assert total["rabbitmq_queue_messages_unacked", ""] == 1
    assert total["rabbitmq_connections", ""] == 1
    assert total["rabbitmq_channel_messages_confirmed_total", ""] == 3
    assert each["rabbitmq_queue_messages", "orders"] == 3
    assert each["rabbitmq_queue_messages_published_total", "orders"] == 3
    assert each["rabbitmq_queue_consumers", "orders"] == 0


async def test_counters_do_not_fall_when_a_queue_goes(busy_broker):
    async with httpx.AsyncClient(base_url=busy_broker.management_url) as api:
        assert (await api.delete("/api/queues/%2F/orders")).status_code == 204
    total = samples(httpx.get(busy_broker.metrics_url + "/metrics").text)

    assert total["rabbitmq_queue_messages_published_total", ""] == 3
    assert total["rabbitmq_queue_messages", ""] == 0


# A test run that is killed leaves no exporter behind.
EXPORTER = """
import sys
from drillyard.base.processes import die_with_parent
die_with_parent()
from drillyard.broker.exporter import main
sys.exit(main())
"""


class Exporter:
    """The exporter in its own process, reading a given management API."""

    def __init__(self, url: str) -> None:
        environment = {**os.environ, "RABBIT_URL": url, "PUBLISH_PORT": "0"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", EXPORTER],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if "ready: 127.0.0.1:" not in line:
            self.stop()
            raise AssertionError(f"not ready: {line}")
        self.url = "http://" + line.split("ready: ")[1].split(",")[0]

    def stop(self) -> int:
        """SIGTERM, and after three seconds worse; twice is harmless."""
        self.process.terminate()
        try:
            return self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(3)
            raise
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()


@pytest.fixture
def start_exporter():
    """Starts exporters; every one is stopped at the end, also when the test failed."""
    started: list[Exporter] = []

    def start(url: str) -> Exporter:
        started.append(Exporter(url))
        return started[-1]

    yield start
    for exporter in started:
        exporter.stop()


async def test_the_exporter_shows_queues_under_kbudde_s_names(busy_broker, start_exporter):
    exporter = start_exporter(busy_broker.management_url.replace("guest:guest@", ""))
    async with httpx.AsyncClient(base_url=exporter.url) as client:
        found = samples((await client.get("/metrics")).text)
        health = await client.get("/health")
    code = exporter.stop()

    assert found["rabbitmq_up", ""] == 1
    assert found["rabbitmq_queue_messages", "orders"] == 3
    assert found["rabbitmq_queue_messages_ready", "orders"] == 2
    assert found["rabbitmq_queue_messages_unacknowledged", "orders"] == 1
    assert found["rabbitmq_queue_consumers", "orders"] == 0
    assert found["rabbitmq_queue_messages_published_total", "orders"] == 3
    assert (health.status_code, code) == (200, 0)


def test_the_exporter_without_a_broker_says_so_and_lives(unused_tcp_port, start_exporter):
    exporter = start_exporter(f"http://127.0.0.1:{unused_tcp_port}")

    found = samples(httpx.get(exporter.url + "/metrics").text)
    health = httpx.get(exporter.url + "/health").status_code

    assert (found["rabbitmq_up", ""], health) == (0, 503)
    assert ("rabbitmq_queue_messages", "orders") not in found
    assert exporter.stop() == 0


def test_the_management_api_lists_only_the_columns_asked_for(start_broker):
    broker = start_broker()
    with httpx.Client(base_url=broker.management_url) as api:
        for name in ("b", "a"):
            api.put(f"/api/queues/%2F/{name}", content=json.dumps({"durable": "true"}))
        shown = api.get("/api/queues?columns=name,messages&sort=name").json()
        paged = api.get("/api/queues?page=2&page_size=1&columns=name&sort=name").json()

    assert shown == [{"name": "a", "messages": 0}, {"name": "b", "messages": 0}]
    assert (paged["items"], paged["page_count"], paged["total_count"]) == ([{"name": "b"}], 2, 2)

"""The two ways in which Prometheus sees the broker: its own endpoint, and the exporter beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import aio_pika
import httpx
import pytest
from aio_pika import Message
from prometheus_client.parser import text_string_to_metric_families

from .conftest import BrokerProcess


def samples(text: str) -> dict[tuple[str, str], float]:
    """By name and queue ('' where there is none)."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, sample.labels.get("queue", "")] = sample.value
    return found


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory) -> Iterator[BrokerProcess]:
    """The sums are over the whole broker, so these tests share one with nobody else."""
    broker = BrokerProcess(tmp_path_factory.mktemp("metrics"))
    broker.start()
    yield broker
    assert broker.stop() == 0
    assert "Traceback" not in broker.log, broker.log


@pytest.fixture
def api(own_broker):
    with httpx.Client(base_url=own_broker.management_url, verify=False) as client:
        yield client


@pytest.fixture
def read(own_broker):
    """Reads one page of metrics."""
    with httpx.Client(base_url=own_broker.metrics_url, verify=False) as client:
        yield lambda path="/metrics": samples(client.get(path).text)


@pytest.fixture
def before(read):
    """The counters before the work: they only rise, and the broker has had other tests."""
    return read()


@pytest.fixture
async def orders(own_broker, before):
    """A queue with two messages waiting and one held; gone afterwards."""
    async with await aio_pika.connect(own_broker.amqp_url) as connection, connection.channel() as channel:
        queue = await channel.declare_queue("orders", durable=True)
        for body in (b"1", b"2", b"3"):
            await channel.default_exchange.publish(Message(body), "orders")
        await queue.get()
        yield queue
        await channel.queue_delete("orders")


async def test_metrics_carry_rabbitmq_s_names(orders, read, before):
    total, each = read(), read("/metrics/per-object")
    confirmed = ("rabbitmq_channel_messages_confirmed_total", "")

    assert total["rabbitmq_queue_messages_ready", ""] == 2
    assert total["rabbitmq_queue_messages_unacked", ""] == 1
    assert total["rabbitmq_connections", ""] == 1
    assert total[confirmed] - before[confirmed] == 3
    assert each["rabbitmq_queue_messages", "orders"] == 3
    assert each["rabbitmq_queue_messages_published_total", "orders"] == 3
    assert each["rabbitmq_queue_consumers", "orders"] == 0


async def test_the_global_counters_and_the_identity_that_dashboards_join_with(orders, own_broker, read, before):
    total = read()

    def risen(name: str) -> float:
        return total[f"rabbitmq_global_{name}", ""] - before[f"rabbitmq_global_{name}", ""]

    assert total["rabbitmq_identity_info", ""] == 1
    assert [risen(f"messages_{what}_total") for what in ("received", "received_confirm", "confirmed", "routed")] == [
        3
    ] * 4
    assert risen("messages_delivered_get_manual_ack_total") == risen("messages_delivered_total") == 1
    assert total["rabbitmq_global_publishers", ""] == 1
    assert total["rabbitmq_process_max_fds", ""] > total["rabbitmq_process_open_fds", ""]


async def test_detailed_metrics_show_the_families_that_were_asked_for(orders, read):
    coarse = read("/metrics/detailed?family=queue_coarse_metrics&vhost=/")
    both = read("/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count&family=no-such")
    elsewhere = read("/metrics/detailed?family=queue_coarse_metrics&vhost=other")

    assert coarse["rabbitmq_detailed_queue_messages_ready", "orders"] == 2
    assert ("rabbitmq_detailed_queue_consumers", "orders") not in coarse
    assert both["rabbitmq_detailed_queue_consumers", "orders"] == 0
    assert ("rabbitmq_detailed_queue_messages_ready", "orders") not in elsewhere
    assert [name for name, _ in read("/metrics/detailed")] == ["rabbitmq_build_info", "rabbitmq_identity_info"]


async def test_counters_do_not_fall_when_a_queue_goes(orders, api, read, before):
    assert api.delete("/api/queues/%2F/orders").status_code == 204
    total = read()
    published = ("rabbitmq_queue_messages_published_total", "")

    assert total[published] - before[published] == 3
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


async def test_the_exporter_shows_queues_under_kbudde_s_names(orders, own_broker, start_exporter):
    exporter = start_exporter(own_broker.management_url.replace("guest:guest@", ""))
    async with httpx.AsyncClient(base_url=exporter.url, verify=False) as client:
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


def test_the_management_api_lists_only_the_columns_asked_for(api):
    for name in ("b", "a"):
        api.put(f"/api/queues/%2F/{name}", content=json.dumps({"durable": "true"}))
    shown = api.get("/api/queues?columns=name,messages&sort=name").json()
    paged = api.get("/api/queues?page=2&page_size=1&columns=name&sort=name").json()
    for name in ("b", "a"):
        api.delete(f"/api/queues/%2F/{name}")

    assert shown == [{"name": "a", "messages": 0}, {"name": "b", "messages": 0}]
    assert (paged["items"], paged["page_count"], paged["total_count"]) == ([{"name": "b"}], 2, 2)

"""Back-pressure: slow readers, alarms, and a process that stops when it is told."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import aio_pika
import httpx
import pika
import psutil
import pytest
from aio_pika import Message
from pamqp import commands, frame, header

from .conftest import BrokerProcess

LIMIT_S = 5.0
Basic, Connection = commands.Basic, commands.Connection


def publish(key: str, body: bytes) -> bytes:
    head = frame.marshal(header.ContentHeader(0, len(body), Basic.Properties()), 1)
    return (
        frame.marshal(Basic.Publish(routing_key=key), 1)
        + head
        + b"\x03\x00\x01"
        + len(body).to_bytes(4)
        + body
        + b"\xce"
    )


async def ready_in(url: str, queue: str) -> int:
    async with httpx.AsyncClient(base_url=url, verify=False) as api:
        return int((await api.get(f"/api/queues/%2F/{queue}")).json()["messages_ready"])


async def test_what_a_slow_consumer_does_not_read_stays_in_the_queue(start_broker, raw_client):
    broker = start_broker()
    consumer, publisher = raw_client(broker.amqp_url), raw_client(broker.amqp_url)
    consumer.open()
    publisher.open()
    publisher.say(commands.Queue.Declare(queue="slow"))
    publisher.expect(commands.Queue.DeclareOk)
    consumer.say(Basic.Consume(queue="slow", no_ack=True))
    consumer.expect(Basic.ConsumeOk)  # And then reads no more.
    body = b"x" * 1000
    count = 20_000
    for _ in range(count // 100):
        await asyncio.to_thread(publisher.send, publish("slow", body) * 100)
    publisher.say(commands.Queue.Declare(queue="slow", passive=True))
    await asyncio.to_thread(publisher.expect, commands.Queue.DeclareOk)

    assert await ready_in(broker.management_url, "slow") > count // 2
    publisher.close()
    consumer.close()


# The alarms are no contract cases: on the RabbitMQ that the oracle tests share, an alarm would stop every other client.


@pytest.fixture(scope="module")
def alarmed(tmp_path_factory) -> Iterator[BrokerProcess]:
    """A broker that wants more free disk than there is."""
    broker = BrokerProcess(tmp_path_factory.mktemp("alarmed"), {"DISK_FREE_LIMIT_MIB": str(2**40)})
    broker.start()
    yield broker
    broker.stop()
    assert "Traceback" not in broker.log, broker.log


def test_a_disk_alarm_holds_publishers_and_lets_consumers_go_on(alarmed, raw_client):
    client = raw_client(alarmed.amqp_url)
    client.open(capabilities={"connection.blocked": True})
    client.say(commands.Queue.Declare(queue="q"))
    client.expect(commands.Queue.DeclareOk)
    client.send(publish("q", b"held"))
    client.say(commands.Queue.Declare(queue="q", passive=True))

    blocked = client.expect(Connection.Blocked)

    assert blocked.reason == "low on disk"
    with httpx.Client(base_url=alarmed.management_url, verify=False) as api:
        health = api.get("/api/health/checks/alarms")
        assert (health.status_code, health.json()["status"]) == (503, "failed")
        assert api.get("/api/queues/%2F/q").json()["messages"] == 0
        states = {found["peer_port"]: found["state"] for found in api.get("/api/connections").json()}
        assert states[client.socket.getsockname()[1]] == "blocked"
        assert api.get("/api/nodes").json()[0]["disk_free_alarm"] is True
    other = raw_client(alarmed.amqp_url)
    other.open()
    other.say(Basic.Get(queue="q"))
    other.expect(Basic.GetEmpty)
    for each in (client, other):
        each.close()


def test_pika_sees_the_alarm_as_with_rabbitmq(alarmed):
    parameters = pika.URLParameters(alarmed.amqp_url)
    parameters.blocked_connection_timeout = 0.3
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.confirm_delivery()

    with pytest.raises(pika.exceptions.ConnectionBlockedTimeout):
        channel.basic_publish("", "q", b"x")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_within_two_seconds_and_says_goodbye(start_broker, number):
    broker = start_broker()
    connection = await aio_pika.connect(broker.amqp_url)
    closed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    connection.close_callbacks.add(lambda sender, error: closed.done() or closed.set_result(error))
    channel = await connection.channel()
    await channel.declare_queue("orders", durable=True)
    await channel.default_exchange.publish(Message(b"x"), "orders")
    started = time.monotonic()
    broker.process.send_signal(number)

    code = await asyncio.to_thread(broker.process.wait, LIMIT_S)

    assert (code, time.monotonic() - started < 2.0) == (0, True)
    async with asyncio.timeout(LIMIT_S):
        assert "CONNECTION_FORCED" in str(await closed)


def test_a_signal_ends_it_even_when_a_client_does_not_answer(start_broker, raw_client):
    broker = start_broker()
    client = raw_client(broker.amqp_url)
    client.open()
    started = time.monotonic()

    assert broker.stop() == 0
    assert time.monotonic() - started < 2.0
    client.close()


def test_a_stopped_broker_leaves_no_child_and_no_open_port(start_broker):
    broker = start_broker()
    assert psutil.Process(broker.process.pid).children() == []
    broker.stop()

    with pytest.raises(httpx.ConnectError):
        httpx.get(broker.metrics_url + "/metrics")


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"AMQP_PORT": "many"}, "AMQP_PORT='many' does not fit: a whole number from 0 to 65535 is expected."),
        ({"MANAGEMENT_PORT": "70000"}, "MANAGEMENT_PORT='70000' does not fit"),
        ({"HOST": "no.such.host.invalid"}, "Nothing can listen on no.such.host.invalid:"),
        ({"BROKER_DATA": "/proc/nowhere"}, "The broker cannot use its data folder /proc/nowhere"),
    ],
    ids=str,
)
def test_a_setting_that_does_not_fit_is_one_clear_sentence(tmp_path, environment, words):
    settings = {"AMQP_PORT": "0", "MANAGEMENT_PORT": "0", "METRICS_PORT": "0", "BROKER_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "drillyard.broker"],
        env={**os.environ, **settings, **environment},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )

    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_one_clear_sentence(start_broker, tmp_path):
    broker = start_broker()
    settings = {"AMQP_PORT": str(broker.ports["amqp"]), "BROKER_DATA": str(tmp_path / "other")}
    done = subprocess.run(
        [sys.executable, "-m", "drillyard.broker"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )

    assert done.returncode == 1
    assert f"Nothing can listen on 127.0.0.1:{broker.ports['amqp']}" in done.stderr
    assert "AMQP_PORT" in done.stderr

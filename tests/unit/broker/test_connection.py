"""A connection over a transport that only remembers: holds, alarms and back-pressure, without a socket."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from pamqp import commands, frame, header

from drillyard.broker.alarms import Alarms
from drillyard.broker.protocol.connection import Connection
from drillyard.broker.protocol.outbox import WRITE_FULL_BYTES, WRITE_HIGH_BYTES
from drillyard.broker.traffic import Traffic

Basic, Channel, Confirm, Queue = commands.Basic, commands.Channel, commands.Confirm, commands.Queue


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = True
        self.closed = False
        self.buffered_bytes = 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The tests say themselves when it is full."""

    def get_write_buffer_size(self) -> int:
        return self.buffered_bytes

    def write(self, data: Any) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


class Client:
    """One client with channel 1 open."""

    def __init__(self, host: Any, tmp_path: Any) -> None:
        self.vhost = host.vhost
        self.journal = host.journal
        traffic = Traffic()
        self.broker: Any = SimpleNamespace(
            vhost=host.vhost,
            alarms=Alarms(tmp_path, 2**62, 0),
            traffic=traffic,
            event=lambda line: None,
            knows=lambda user, password: (user, password) == ("guest", "guest"),
            connection_opened=lambda connection: None,
            connection_closed=lambda connection, clean: None,
        )
        self.transport = Transport()
        self.connection = Connection(self.broker)

    async def open(self) -> None:
        self.connection.connection_made(self.transport)
        self.connection.data_received(b"AMQP\x00\x00\x09\x01")
        properties: Any = {"capabilities": {"connection.blocked": True}}
        self.say(commands.Connection.StartOk(properties, "PLAIN", "\0guest\0guest"), 0)
        self.say(commands.Connection.TuneOk(10, 131072, 0), 0)
        self.say(commands.Connection.Open(), 0)
        self.say(Channel.Open())
        await self.heard()

    def say(self, method: Any, channel: int = 1) -> None:
        self.connection.data_received(frame.marshal(method, channel))

    def publish(self, key: str, **properties: Any) -> None:
        head = header.ContentHeader(0, 1, Basic.Properties(**properties))
        data = (
            frame.marshal(Basic.Publish(routing_key=key), 1) + frame.marshal(head, 1) + b"\x03\x00\x01\0\0\0\x01x\xce"
        )
        self.connection.data_received(data)

    async def heard(self) -> list[str]:
        """The names of the frames that came since the last look."""
        for _ in range(5):
            await asyncio.sleep(0)
        data, self.transport.written = self.transport.written, b""
        names = []
        while data:
            size, _, found = frame.unmarshal(data)
            names.append(found.name)
            data = data[size:]
        return names


@pytest.fixture
async def client(host, tmp_path):
    client = Client(host, tmp_path)
    await client.open()
    yield client
    client.connection.connection_lost(None)


async def test_an_alarm_holds_the_publish_and_its_end_lets_it_through(client, host):
    queue = host.queue("q")
    client.broker.alarms.disk = True
    client.publish("q")
    client.say(Queue.Declare(queue="q", passive=True))
    assert await client.heard() == ["Connection.Blocked"]
    assert (client.transport.reading, client.connection.blocked, len(queue.ready)) == (False, True, 0)

    client.broker.alarms.disk = False
    client.connection.unblock()

    assert await client.heard() == ["Connection.Unblocked", "Queue.DeclareOk"]
    assert (client.transport.reading, client.connection.blocked, len(queue.ready)) == (True, False, 1)


async def test_an_alarm_leaves_consumers_alone(client, host):
    host.queue("q")
    host.publish("q")
    client.broker.alarms.memory = True
    client.say(Basic.Get(queue="q"))

    assert (await client.heard())[0] == "Basic.GetOk"


async def test_a_durable_declaration_is_answered_after_the_commit_and_not_before(client):
    client.say(Queue.Declare(queue="q", durable=True))
    client.say(Queue.Declare(queue="other"))
    assert await client.heard() == []

    client.journal.commit()

    assert await client.heard() == ["Queue.DeclareOk", "Queue.DeclareOk"]


async def test_a_persistent_publish_is_confirmed_after_the_commit_and_not_before(client, host):
    host.queue("q", durable=True)
    client.say(Confirm.Select())
    client.publish("q", delivery_mode=2)
    assert await client.heard() == ["Confirm.SelectOk"]

    client.journal.commit()

    assert await client.heard() == ["Basic.Ack"]


async def test_a_commit_that_failed_is_a_nack(client, host):
    host.queue("q", durable=True)
    client.say(Confirm.Select())
    client.publish("q", delivery_mode=2)
    await client.heard()

    client.journal.commit(committed=False)

    assert await client.heard() == ["Basic.Nack"]


async def test_a_full_socket_stops_deliveries_until_there_is_room(client, host):
    queue = host.queue("q")
    client.say(Basic.Consume(queue="q", no_ack=True))
    await client.heard()
    client.connection.pause_writing()
    for _ in range(10):
        host.publish("q")
    assert (len(queue.ready), await client.heard()) == (10, [])

    client.connection.resume_writing()

    assert (len(queue.ready), (await client.heard()).count("Basic.Deliver")) == (0, 10)


async def test_one_turn_of_the_loop_does_not_gather_more_than_the_limit(client, host):
    queue = host.queue("q")
    for _ in range(100):
        host.publish("q", "x" * 10_000)
    client.say(Basic.Consume(queue="q", no_ack=True))

    assert len(queue.ready) >= 100 - WRITE_HIGH_BYTES // 10_000 - 1
    await client.heard()
    assert len(queue.ready) == 0


async def test_a_client_that_does_not_read_its_confirms_is_not_listened_to(client, host):
    host.queue("q")
    client.say(Confirm.Select())
    client.transport.buffered_bytes = WRITE_FULL_BYTES + 1
    client.publish("q")
    await client.heard()
    assert client.transport.reading is False

    client.transport.buffered_bytes = 0
    client.connection.resume_writing()

    assert client.transport.reading is True


async def test_a_lost_connection_gives_everything_back(client, host):
    queue = host.queue("q")
    host.publish("q")
    client.say(Basic.Consume(queue="q"))
    assert queue.unacknowledged == 1

    client.connection.connection_lost(None)

    assert (queue.unacknowledged, len(queue.ready), len(queue.consumers)) == (0, 1, 0)


def test_a_folder_that_cannot_be_asked_is_an_alarm(tmp_path):
    changes: list[bool] = []
    alarms = Alarms(tmp_path / "gone", 2**62, 0, on_change=lambda: changes.append(True))

    alarms.check()

    assert (alarms.on, alarms.reason, changes) == (True, "low on disk", [True])

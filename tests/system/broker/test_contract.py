"""
The contract: what a client may rely on, asserted against ours and against a real RabbitMQ.

A behaviour enters the broker only with a case here that RabbitMQ passed.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aio_pika
import aiormq
import pika
import pytest
from aio_pika import DeliveryMode, Message

LIMIT_S = 5.0


async def collect(queue: Any, count: int, *, no_ack: bool = False, ack: bool = True) -> list[Any]:
    """So many deliveries of a fresh consumer, which is cancelled afterwards."""
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    tag = await queue.consume(inbox.put, no_ack=no_ack)
    async with asyncio.timeout(LIMIT_S):
        messages = [await inbox.get() for _ in range(count)]
    if ack and not no_ack:
        for message in messages:
            await message.ack()
    await queue.cancel(tag)
    return messages


async def put(channel: Any, queue: str, *bodies: str, **properties: Any) -> None:
    for body in bodies:
        await channel.default_exchange.publish(Message(body.encode(), **properties), queue)


async def ignore(message: Any) -> None:
    """A consumer that never answers."""


def bodies(messages: list[Any]) -> list[str]:
    return [message.body.decode() for message in messages]


async def test_messages_arrive_once_and_in_order(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name)
    await put(channel, name, "a", "b", "c")

    messages = await collect(queue, 3)

    assert bodies(messages) == ["a", "b", "c"]
    assert [message.redelivered for message in messages] == [False] * 3
    assert (await queue.get(fail=False)) is None


async def test_declare_ok_counts_ready_messages_and_consumers(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name)
    await put(channel, name, "a", "b")
    before = (await channel.declare_queue(name, passive=True)).declaration_result
    await queue.consume(ignore)
    await asyncio.sleep(0.2)
    after = (await channel.declare_queue(name, passive=True)).declaration_result

    assert (before.message_count, before.consumer_count) == (2, 0)
    assert (after.message_count, after.consumer_count) == (0, 1)


async def test_a_mandatory_message_without_a_queue_comes_back(connect, name):
    channel = await (await connect()).channel(on_return_raises=True)

    with pytest.raises(aio_pika.exceptions.PublishError) as returned:
        await channel.default_exchange.publish(Message(b"lost"), name, mandatory=True)

    assert "NO_ROUTE" in str(returned.value)


async def test_a_full_queue_refuses_publishes_and_takes_them_again_when_emptied(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name, arguments={"x-max-length": 3, "x-overflow": "reject-publish"})
    await put(channel, name, "1", "2", "3")

    with pytest.raises(aio_pika.exceptions.DeliveryError):
        await put(channel, name, "4")
    await collect(queue, 3)
    await put(channel, name, "5")

    assert bodies(await collect(queue, 1)) == ["5"]


async def test_only_ready_messages_count_for_the_limit(connect, name):
    channel = await (await connect()).channel()
    await channel.set_qos(1)
    queue = await channel.declare_queue(name, arguments={"x-max-length": 3, "x-overflow": "reject-publish"})
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    await queue.consume(inbox.put)
    await put(channel, name, "1")
    async with asyncio.timeout(LIMIT_S):
        await inbox.get()  # Held without an acknowledgement.

    await put(channel, name, "2", "3", "4")
    with pytest.raises(aio_pika.exceptions.DeliveryError):
        await put(channel, name, "5")


async def test_prefetch_bounds_what_is_outstanding(connect, name):
    channel = await (await connect()).channel()
    await channel.set_qos(2)
    queue = await channel.declare_queue(name)
    await put(channel, name, "a", "b", "c")
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    await queue.consume(inbox.put)
    async with asyncio.timeout(LIMIT_S):
        first, _ = await inbox.get(), await inbox.get()
    await asyncio.sleep(0.2)
    assert inbox.empty()

    await first.ack()

    async with asyncio.timeout(LIMIT_S):
        assert (await inbox.get()).body == b"c"


async def test_requeued_messages_return_to_their_old_places(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name)
    await put(channel, name, "a", "b", "c", "d")
    messages = [await queue.get() for _ in range(3)]

    await messages[2].nack(requeue=True)
    await messages[0].reject(requeue=True)
    await messages[1].ack()

    again = [await queue.get(no_ack=True) for _ in range(3)]
    assert [(message.body, message.redelivered) for message in again] == [(b"a", True), (b"c", True), (b"d", False)]


async def test_what_a_lost_connection_held_is_delivered_again(connect, name):
    first = await connect()
    queue = await (await first.channel()).declare_queue(name)
    channel = await (await connect()).channel()
    await put(channel, name, "a", "b")
    await collect(queue, 2, ack=False)

    await first.close()

    messages = await collect(await channel.get_queue(name), 2)
    assert [(message.body, message.redelivered) for message in messages] == [(b"a", True), (b"b", True)]


async def test_purge_and_delete_tell_how_many_messages_went(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name)
    await put(channel, name, "a", "b")
    assert (await queue.purge()).message_count == 2

    await put(channel, name, "c")

    assert (await queue.delete(if_unused=False, if_empty=False)).message_count == 1
    with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
        await channel.declare_queue(name, passive=True)


async def test_topic_bindings_route_by_pattern(connect, name):
    channel = await (await connect()).channel()
    exchange = await channel.declare_exchange(name, "topic")
    queue = await channel.declare_queue(name)
    await queue.bind(exchange, "order.*.paid")
    await queue.bind(exchange, "audit.#")
    for key in ("order.1.paid", "order.1.2.paid", "audit", "audit.a.b", "order.paid"):
        await exchange.publish(Message(key.encode()), key, mandatory=False)

    assert bodies(await collect(queue, 3)) == ["order.1.paid", "audit", "audit.a.b"]


async def test_a_queue_cannot_be_declared_again_with_other_properties(connect, name):
    channel = await (await connect()).channel()
    await channel.declare_queue(name)

    with pytest.raises(aio_pika.exceptions.ChannelPreconditionFailed) as refused:
        await channel.declare_queue(name, durable=True)

    assert str(refused.value) == (
        f"PRECONDITION_FAILED - inequivalent arg 'durable' for queue '{name}' in vhost '/': "
        "received 'true' but current is 'false'"
    )


@pytest.mark.parametrize(
    ("again", "words"),
    [
        ({"x-max-length": 4}, "received '4' but current is '3'"),
        ({"x-max-length": "3"}, "received '3' but current is '3'"),
        ({}, "received none but current is the value '3' of type 'signedint'"),
    ],
    ids=str,
)
async def test_a_queue_with_another_limit_is_refused_with_both_values(target, name, again, words):
    """With pika, whose whole numbers are 32 bits wide; RabbitMQ names the width that the client chose."""

    def run() -> str:
        connection = pika.BlockingConnection(pika.URLParameters(target.amqp_url))
        channel = connection.channel()
        channel.queue_declare(name, arguments={"x-max-length": 3})
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
            channel.queue_declare(name, arguments=again)
        connection.close()
        return str(refused.value.reply_text)

    told = await asyncio.to_thread(run)

    assert told == f"PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue '{name}' in vhost '/': {words}"


async def test_publishing_to_an_unknown_exchange_closes_the_channel(connect, name):
    connection = await connect()
    channel = await connection.channel()
    exchange = await channel.get_exchange(name, ensure=False)

    with pytest.raises(aiormq.exceptions.ChannelNotFoundEntity, match=f"no exchange '{name}' in vhost '/'"):
        await exchange.publish(Message(b"x"), "key")

    assert not connection.is_closed


async def test_an_unknown_delivery_tag_closes_the_channel_and_requeues(target, name):
    def run() -> None:
        connection = pika.BlockingConnection(pika.URLParameters(target.amqp_url))
        channel = connection.channel()
        channel.queue_declare(name)
        channel.basic_publish("", name, b"kept")
        method, _, _ = channel.basic_get(name)
        assert method is not None
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
            channel.basic_ack(method.delivery_tag + 7)
            channel.queue_declare(name, passive=True)
        assert (refused.value.reply_code, refused.value.reply_text) == (
            406,
            f"PRECONDITION_FAILED - unknown delivery tag {method.delivery_tag + 7}",
        )
        method, _, body = connection.channel().basic_get(name, auto_ack=True)
        assert (method.redelivered, body) == (True, b"kept")
        connection.close()

    await asyncio.to_thread(run)


async def test_a_cancelled_consumer_gets_nothing_more_and_keeps_what_it_has(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name)
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    tag = await queue.consume(inbox.put)
    await put(channel, name, "before")
    async with asyncio.timeout(LIMIT_S):
        held = await inbox.get()

    await queue.cancel(tag)
    await put(channel, name, "after")
    await asyncio.sleep(0.2)
    assert inbox.empty()
    await held.ack()

    assert (await queue.get(no_ack=True)).body == b"after"


async def test_properties_and_large_bodies_arrive_unchanged(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name)
    body = bytes(range(256)) * 2000
    headers = {"text": "ü", "number": 7, "nested": {"list": [1, "two", None, 2.5]}, "flag": True}
    sent = Message(
        body,
        headers=headers,
        content_type="application/json",
        content_encoding="gzip",
        delivery_mode=DeliveryMode.PERSISTENT,
        priority=4,
        correlation_id="c",
        reply_to="r",
        message_id="m",
        type="t",
        app_id="a",
    )
    await channel.default_exchange.publish(sent, name)

    got = await queue.get(no_ack=True)

    assert got.body == body
    assert got.headers == headers
    for field in ("content_type", "content_encoding", "delivery_mode", "priority", "correlation_id", "reply_to"):
        assert getattr(got, field) == getattr(sent, field)
    assert (got.message_id, got.type, got.app_id) == ("m", "t", "a")

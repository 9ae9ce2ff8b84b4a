"""The contract of consumers, exclusive things and confirms, against ours and against a real RabbitMQ."""

from __future__ import annotations

import asyncio
from typing import Any

import aio_pika
import aiormq
import pytest
from aio_pika import Message
from pamqp import commands, frame, header

LIMIT_S = 5.0
Basic, Channel, Confirm, Connection, Queue = (
    commands.Basic,
    commands.Channel,
    commands.Confirm,
    commands.Connection,
    commands.Queue,
)


def publish(key: str, body: bytes = b"x", *, exchange: str = "", mandatory: bool = False, **properties: Any) -> bytes:
    """A whole message for channel 1 of a raw client; the body must not be empty."""
    head = header.ContentHeader(0, len(body), Basic.Properties(**properties))
    parts = (Basic.Publish(exchange=exchange, routing_key=key, mandatory=mandatory), head)
    return b"".join(frame.marshal(part, 1) for part in parts) + b"\x03\x00\x01" + len(body).to_bytes(4) + body + b"\xce"


def own_queue(raw: Any, **arguments: Any) -> str:
    """A queue that goes with the raw client."""
    raw.say(Queue.Declare(queue="", exclusive=True, arguments=arguments))
    return str(raw.expect(Queue.DeclareOk).queue)


def ready_in(raw: Any, name: str) -> int:
    """How many messages wait there, at least one: RabbitMQ may count before the last publish has reached the queue."""
    for _ in range(100):
        raw.say(Queue.Declare(queue=name, passive=True))
        count = int(raw.expect(Queue.DeclareOk).message_count)
        if count:
            return count
    return 0


def delivery(raw: Any, kind: type[Any] = Basic.Deliver) -> tuple[Any, bytes]:
    """The next delivery of a raw client: its method and body."""
    method = raw.expect(kind)
    raw.hear()
    return method, raw.hear()[1].value


async def inbox_of(queue: Any, **options: Any) -> tuple[asyncio.Queue[Any], str]:
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    return inbox, await queue.consume(inbox.put, **options)


async def next_of(inbox: asyncio.Queue[Any]) -> Any:
    async with asyncio.timeout(LIMIT_S):
        return await inbox.get()


async def test_messages_go_round_among_consumers(connect, name):
    connection = await connect()
    channel = await connection.channel()
    queue = await channel.declare_queue(name)
    inboxes = []
    for _ in range(2):
        other = await connection.channel()
        inboxes.append((await inbox_of(await other.get_queue(name), no_ack=True))[0])
    for number in range(4):
        await channel.default_exchange.publish(Message(str(number).encode()), queue.name)

    for inbox in inboxes:
        assert [(await next_of(inbox)) is not None for _ in range(2)] == [True, True]


async def test_a_single_active_consumer_is_followed_by_the_next(connect, name):
    connection = await connect()
    first, second = await connection.channel(), await connection.channel()
    queue = await first.declare_queue(name, arguments={"x-single-active-consumer": True})
    active, tag = await inbox_of(queue, no_ack=True)
    waiting, _ = await inbox_of(await second.get_queue(name), no_ack=True)
    await first.default_exchange.publish(Message(b"1"), name)
    await first.default_exchange.publish(Message(b"2"), name)
    assert [(await next_of(active)).body for _ in range(2)] == [b"1", b"2"]

    await queue.cancel(tag)
    await first.default_exchange.publish(Message(b"3"), name)

    assert (await next_of(waiting)).body == b"3"


async def test_an_exclusive_consumer_keeps_others_out(connect, name):
    connection = await connect()
    channel = await connection.channel()
    queue = await channel.declare_queue(name)
    await inbox_of(queue, exclusive=True)
    other = await connection.channel()

    with pytest.raises(aio_pika.exceptions.ChannelClosed, match=f"queue '{name}' in vhost '/' in exclusive use"):
        await inbox_of(await other.get_queue(name))


async def test_an_exclusive_queue_is_locked_for_others_and_goes_with_its_connection(connect, name):
    owner, other = await connect(), await connect()
    await (await owner.channel()).declare_queue(name, exclusive=True)
    for operation in (
        lambda channel: channel.declare_queue(name, passive=True),
        lambda channel: channel.declare_queue(name, exclusive=True),
        lambda channel: channel.queue_delete(name),
    ):
        with pytest.raises(aiormq.exceptions.ChannelLockedResource):
            await operation(await other.channel())

    await owner.close()

    async with asyncio.timeout(LIMIT_S):
        await (await other.channel()).declare_queue(name)


async def test_an_auto_delete_queue_goes_with_its_last_consumer(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name, auto_delete=True)
    _, first = await inbox_of(queue)
    _, second = await inbox_of(queue)
    await queue.cancel(first)
    await channel.declare_queue(name, passive=True)
    await queue.cancel(second)
    await asyncio.sleep(0.1)

    with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
        await channel.declare_queue(name, passive=True)


async def test_a_queue_in_use_or_not_empty_is_not_deleted_when_asked_so(connect, name):
    connection = await connect()
    channel = await connection.channel()
    queue = await channel.declare_queue(name)
    await channel.default_exchange.publish(Message(b"x"), name)
    for text, options in (("in use", {"if_unused": True}), ("not empty", {"if_empty": True})):
        if text == "in use":
            _, tag = await inbox_of(queue)
        other = await connection.channel()
        with pytest.raises(aio_pika.exceptions.ChannelPreconditionFailed, match=text):
            await other.queue_delete(name, **options)
        if text == "in use":
            await queue.cancel(tag)
            await channel.close()  # Gives the message back.


def test_a_deleted_queue_cancels_its_consumers_who_can_hear_it(raw):
    raw.open(capabilities={"consumer_cancel_notify": True})
    name = own_queue(raw)
    raw.say(Basic.Consume(queue=name, consumer_tag="tag"))
    raw.expect(Basic.ConsumeOk)
    raw.say(Queue.Delete(queue=name))

    heard = [raw.hear()[1], raw.hear()[1]]

    cancel = next(method for method in heard if isinstance(method, Basic.Cancel))
    assert cancel.consumer_tag == "tag"


def test_a_consumer_tag_is_used_once(raw):
    raw.open()
    name = own_queue(raw)
    raw.say(Basic.Consume(queue=name, consumer_tag="tag"))
    raw.expect(Basic.ConsumeOk)
    raw.say(Basic.Consume(queue=name, consumer_tag="tag"))

    closed = raw.expect(Connection.Close)

    assert (closed.reply_code, closed.reply_text) == (530, "NOT_ALLOWED - attempt to reuse consumer tag 'tag'")


def test_multiple_acks_all_up_to_the_tag_and_recover_returns_the_rest(raw):
    raw.open()
    name = own_queue(raw)
    for body in (b"a", b"b", b"c", b"d"):
        raw.send(publish(name, body))
    tags = []
    for _ in range(4):
        raw.say(Basic.Get(queue=name))
        tags.append(delivery(raw, Basic.GetOk)[0].delivery_tag)
    raw.say(Basic.Ack(delivery_tag=tags[1], multiple=True))
    raw.say(Basic.Recover(requeue=True))
    raw.expect(Basic.RecoverOk)

    again = []
    for _ in range(2):
        raw.say(Basic.Get(queue=name))
        method, body = delivery(raw, Basic.GetOk)
        again.append((body, method.redelivered, method.message_count))

    assert again == [(b"c", True, 1), (b"d", True, 0)]


def test_nack_multiple_0_refuses_everything_outstanding(raw):
    raw.open()
    name = own_queue(raw)
    for body in (b"a", b"b"):
        raw.send(publish(name, body))
        raw.say(Basic.Get(queue=name))
        delivery(raw, Basic.GetOk)
    raw.say(Basic.Nack(delivery_tag=0, multiple=True, requeue=False))
    raw.say(Queue.Declare(queue=name, passive=True))

    assert raw.expect(Queue.DeclareOk).message_count == 0


def test_a_prefetch_for_the_channel_is_shared_by_its_consumers(raw):
    raw.open()
    first, second = own_queue(raw), own_queue(raw)
    raw.say(Basic.Qos(prefetch_count=1, global_=True))
    raw.expect(Basic.QosOk)
    for number, name in enumerate((first, second)):
        raw.say(Basic.Consume(queue=name, consumer_tag=f"tag-{number}"))
        raw.expect(Basic.ConsumeOk)
    raw.send(publish(first, b"one"))
    method, body = delivery(raw)
    assert body == b"one"
    raw.send(publish(second, b"two"))
    assert ready_in(raw, second) == 1

    raw.say(Basic.Ack(delivery_tag=method.delivery_tag))

    assert delivery(raw)[1] == b"two"


def test_a_consumer_keeps_the_prefetch_it_started_with(raw):
    raw.open()
    name = own_queue(raw)
    raw.say(Basic.Qos(prefetch_count=1))
    raw.expect(Basic.QosOk)
    raw.say(Basic.Consume(queue=name, consumer_tag="tag"))
    raw.expect(Basic.ConsumeOk)
    raw.say(Basic.Qos(prefetch_count=10))
    raw.expect(Basic.QosOk)
    for body in (b"a", b"b"):
        raw.send(publish(name, body))
    assert delivery(raw)[1] == b"a"

    assert ready_in(raw, name) == 1


def test_a_returned_message_comes_before_its_confirm(raw):
    raw.open()
    raw.say(Confirm.Select())
    raw.expect(Confirm.SelectOk)
    raw.send(publish("no-such-queue", b"body", mandatory=True))

    returned = raw.expect(Basic.Return)
    assert (returned.reply_code, returned.reply_text, returned.routing_key) == (312, "NO_ROUTE", "no-such-queue")
    raw.hear()
    assert raw.hear()[1].value == b"body"
    assert raw.expect(Basic.Ack).delivery_tag == 1


def test_every_publish_is_confirmed_once(raw):
    raw.open()
    raw.say(Confirm.Select())
    raw.expect(Confirm.SelectOk)
    name = own_queue(raw)
    raw.send(b"".join(publish(name, str(number).encode()) for number in range(200)))

    confirmed: set[int] = set()
    while len(confirmed) < 200:
        method = raw.expect(Basic.Ack)
        tags = set(range(1, method.delivery_tag + 1)) if method.multiple else {method.delivery_tag}
        assert method.multiple or not tags & confirmed
        confirmed |= tags

    assert confirmed == set(range(1, 201))


def test_a_full_queue_nacks(raw):
    raw.open()
    raw.say(Confirm.Select())
    raw.expect(Confirm.SelectOk)
    name = own_queue(raw, **{"x-max-length": 1, "x-overflow": "reject-publish"})
    raw.send(publish(name))
    assert raw.expect(Basic.Ack).delivery_tag == 1
    raw.send(publish(name))

    assert raw.expect(Basic.Nack).delivery_tag == 2


def test_get_on_a_queue_with_a_single_active_consumer(raw):
    raw.open()
    name = own_queue(raw, **{"x-single-active-consumer": True})
    raw.send(publish(name))
    raw.say(Basic.Get(queue=name))

    raw.expect(Basic.GetOk)


def test_a_consumer_of_higher_priority_is_served_first_and_the_next_while_it_is_full(raw):
    raw.open()
    queue = own_queue(raw)
    raw.say(Basic.Qos(prefetch_count=2))
    raw.expect(Basic.QosOk)
    for tag, priority in (("low", -1), ("plain", None), ("high", 10)):
        arguments = {} if priority is None else {"x-priority": priority}
        raw.say(Basic.Consume(queue=queue, consumer_tag=tag, arguments=arguments))
        raw.expect(Basic.ConsumeOk)
    for _ in range(5):
        raw.send(publish(queue))
    served = [delivery(raw)[0].consumer_tag for _ in range(5)]
    raw.say(Basic.Ack(delivery_tag=1))
    raw.send(publish(queue))

    assert served == ["high", "high", "plain", "plain", "low"]
    assert delivery(raw)[0].consumer_tag == "high"


def test_consumers_of_one_priority_take_turns(raw):
    raw.open()
    queue = own_queue(raw)
    for tag in ("a", "b"):
        raw.say(Basic.Consume(queue=queue, consumer_tag=tag, no_ack=True, arguments={"x-priority": 3}))
        raw.expect(Basic.ConsumeOk)
    for _ in range(4):
        raw.send(publish(queue))

    assert sorted(delivery(raw)[0].consumer_tag for _ in range(4)) == ["a", "a", "b", "b"]


def test_a_priority_that_is_no_number_is_refused(raw):
    raw.open()
    queue = own_queue(raw)
    raw.say(Basic.Consume(queue=queue, arguments={"x-priority": "high"}))

    closed = raw.expect(Channel.Close)

    text = f"invalid arg 'x-priority' for queue '{queue}' in vhost '/': \"expected integer, got longstr\""
    assert (closed.reply_code, closed.reply_text) == (406, f"PRECONDITION_FAILED - {text}")

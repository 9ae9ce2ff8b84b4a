"""The contract of limits, lifetimes and dead letters, against ours and against a real RabbitMQ."""

from __future__ import annotations

import asyncio
from typing import Any

import aio_pika
import pika
import pytest
from aio_pika import Message

LIMIT_S = 5.0


async def get(queue: Any) -> Any:
    """The next message, waited for with a limit."""
    async with asyncio.timeout(LIMIT_S):
        while (message := await queue.get(no_ack=True, fail=False)) is None:
            await asyncio.sleep(0.02)
        return message


async def drained(queue: Any) -> list[str]:
    found = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        found.append(message.body.decode())
    return found


async def put(channel: Any, queue: str, *bodies: str, **properties: Any) -> None:
    for body in bodies:
        await channel.default_exchange.publish(Message(body.encode(), **properties), queue)


def dead_to(name: str, **more: Any) -> dict[str, Any]:
    """Arguments that dead-letter to the queue `<name>-dead` through the default exchange."""
    letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": name + "-dead"}
    return {**letters, **{f"x-{key.replace('_', '-')}": value for key, value in more.items()}}


async def test_a_full_queue_drops_its_oldest_message_by_default(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name, arguments={"x-max-length": 2})

    await put(channel, name, "1", "2", "3")

    assert await drained(queue) == ["2", "3"]


async def test_the_limit_in_bytes_counts_bodies(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name, arguments={"x-max-length-bytes": 10})

    await put(channel, name, "aaaa", "bbbb", "cccc", "d")

    assert await drained(queue) == ["bbbb", "cccc", "d"]


async def test_what_a_full_queue_drops_is_dead_lettered(connect, name):
    channel = await (await connect()).channel()
    dead = await channel.declare_queue(name + "-dead")
    await channel.declare_queue(name, arguments=dead_to(name, max_length=1))

    await put(channel, name, "1", "2")

    message = await get(dead)
    assert message.body == b"1"
    assert message.headers["x-death"][0]["reason"] == "maxlen"


async def test_reject_publish_dlx_refuses_and_dead_letters(connect, name):
    channel = await (await connect()).channel()
    dead = await channel.declare_queue(name + "-dead")
    await channel.declare_queue(name, arguments=dead_to(name, max_length=1, overflow="reject-publish-dlx"))
    await put(channel, name, "1")

    with pytest.raises(aio_pika.exceptions.DeliveryError):
        await put(channel, name, "2")

    assert (await get(dead)).body == b"2"


async def test_a_publish_that_one_of_two_queues_refuses_is_refused(connect, name):
    channel = await (await connect()).channel()
    exchange = await channel.declare_exchange(name, "fanout")
    full = await channel.declare_queue(name, arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
    free = await channel.declare_queue(name + "-2")
    await full.bind(exchange)
    await free.bind(exchange)

    with pytest.raises(aio_pika.exceptions.DeliveryError):
        await exchange.publish(Message(b"x"), "")

    assert (await drained(full), await drained(free)) == ([], ["x"])


@pytest.mark.parametrize("overflow", ["reject-publish", "drop-head"])
async def test_a_queue_of_length_0_and_an_idle_consumer(connect, name, overflow, target):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name, arguments={"x-max-length": 0, "x-overflow": overflow})
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    await queue.consume(inbox.put, no_ack=True)

    if overflow == "reject-publish":
        with pytest.raises(aio_pika.exceptions.DeliveryError):
            await put(channel, name, "x")
    else:
        await put(channel, name, "x")
        async with asyncio.timeout(LIMIT_S):
            assert (await inbox.get()).body == b"x"


async def test_a_burst_to_an_idle_consumer_is_never_too_long(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    await queue.consume(inbox.put, no_ack=True)

    await asyncio.gather(*(put(channel, name, str(number)) for number in range(50)))

    async with asyncio.timeout(LIMIT_S):
        assert len([await inbox.get() for _ in range(50)]) == 50


async def test_a_rejected_message_carries_its_story(connect, name):
    channel = await (await connect()).channel()
    dead = await channel.declare_queue(name + "-dead")
    queue = await channel.declare_queue(name, arguments=dead_to(name))
    await put(channel, name, "x", headers={"own": 1})

    await (await queue.get()).reject(requeue=False)

    headers = (await get(dead)).headers
    death = headers["x-death"][0]
    assert {key: death[key] for key in ("count", "reason", "queue", "exchange", "routing-keys")} == {
        "count": 1,
        "reason": "rejected",
        "queue": name,
        "exchange": "",
        "routing-keys": [name],
    }
    assert headers["own"] == 1
    assert (headers["x-first-death-reason"], headers["x-first-death-queue"], headers["x-first-death-exchange"]) == (
        "rejected",
        name,
        "",
    )


async def test_a_message_that_dies_again_is_counted_and_newest_first(connect, name):
    channel = await (await connect()).channel()
    retry = await channel.declare_queue(
        name + "-dead", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": name, "x-message-ttl": 1}
    )
    queue = await channel.declare_queue(name, arguments=dead_to(name))
    await put(channel, name, "x")

    async def next_try() -> Any:
        async with asyncio.timeout(LIMIT_S):
            while (message := await queue.get(fail=False)) is None:
                await asyncio.sleep(0.02)
            return message

    for _ in range(2):
        await (await next_try()).reject(requeue=False)
    last = await next_try()

    story = [(death["queue"], death["reason"], death["count"]) for death in last.headers["x-death"]]
    assert story == [(retry.name, "expired", 2), (name, "rejected", 2)]
    await last.ack()


async def test_a_message_that_expires_in_a_circle_is_dropped(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(
        name, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": name, "x-message-ttl": 20}
    )
    await put(channel, name, "x")
    await asyncio.sleep(0.3)

    assert await drained(queue) == []


async def test_an_expired_message_is_dead_lettered_without_its_expiration(connect, name):
    channel = await (await connect()).channel()
    dead = await channel.declare_queue(name + "-dead")
    await channel.declare_queue(name, arguments=dead_to(name))

    await put(channel, name, "x", expiration=0.03)

    message = await get(dead)
    assert message.expiration is None
    assert message.headers["x-death"][0]["original-expiration"] == "30"


async def test_only_the_head_of_a_queue_expires(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name)
    await put(channel, name, "long", expiration=60)
    await put(channel, name, "short", expiration=0.03)
    await asyncio.sleep(0.2)

    waiting = (await channel.declare_queue(name, passive=True)).declaration_result.message_count

    assert waiting == 2
    assert await drained(queue) == ["long"]


async def test_a_lifetime_of_0_still_reaches_an_idle_consumer(connect, name):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name, arguments={"x-message-ttl": 0})
    await put(channel, name, "lost")
    assert await drained(queue) == []
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    await queue.consume(inbox.put, no_ack=True)

    await put(channel, name, "caught")

    async with asyncio.timeout(LIMIT_S):
        assert (await inbox.get()).body == b"caught"


async def test_an_unused_queue_expires_and_a_consumed_one_does_not(connect, name):
    channel = await (await connect()).channel()
    await channel.declare_queue(name, arguments={"x-expires": 100})
    kept = await channel.declare_queue(name + "-2", arguments={"x-expires": 100})

    async def ignore(message: Any) -> None:
        """Holds the queue."""

    await kept.consume(ignore)
    await asyncio.sleep(0.5)

    await channel.declare_queue(name + "-2", passive=True)
    with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
        await channel.declare_queue(name, passive=True)


@pytest.mark.parametrize(
    "arguments",
    [
        {"x-max-length": -1},
        {"x-max-length": "many"},
        {"x-message-ttl": -5},
        {"x-expires": 0},
        {"x-overflow": "explode"},
        {"x-dead-letter-routing-key": "k"},
        {"x-dead-letter-exchange": 7},
        {"x-queue-type": "magic"},
    ],
    ids=str,
)
async def test_arguments_that_make_no_sense_are_refused(connect, name, arguments):
    channel = await (await connect()).channel()

    with pytest.raises(aio_pika.exceptions.ChannelPreconditionFailed):
        await channel.declare_queue(name, arguments=arguments)


@pytest.mark.parametrize("expiration", ["soon", "-1", "1.5"])
async def test_an_expiration_that_is_no_number_closes_the_channel(target, name, expiration):
    def run() -> None:
        connection = pika.BlockingConnection(pika.URLParameters(target.amqp_url))
        channel = connection.channel()
        channel.queue_declare(name)
        channel.basic_publish("", name, b"x", pika.BasicProperties(expiration=expiration))
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
            channel.queue_declare(name, passive=True)
        assert refused.value.reply_code == 406
        connection.close()

    await asyncio.to_thread(run)

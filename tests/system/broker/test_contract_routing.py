"""The contract of exchanges and bindings, against ours and against a real RabbitMQ."""

from __future__ import annotations

from typing import Any

import aio_pika
import aiormq
import pytest
from aio_pika import Message


async def drained(queue: Any) -> list[str]:
    """Every message that is ready, by its body."""
    found = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        found.append(message.body.decode())
    return found


async def say(exchange: Any, key: str, body: str = "", **properties: Any) -> None:
    await exchange.publish(Message((body or key).encode(), **properties), key, mandatory=False)


async def test_a_fanout_exchange_gives_every_queue_its_copy(connect, name):
    channel = await (await connect()).channel()
    exchange = await channel.declare_exchange(name, "fanout")
    queues = [await channel.declare_queue(name + suffix) for suffix in ("", "-2")]
    for queue in queues:
        await queue.bind(exchange, "ignored")

    await say(exchange, "whatever", "x")

    assert [await drained(queue) for queue in queues] == [["x"], ["x"]]


async def test_two_bindings_to_one_queue_give_one_copy(connect, name):
    channel = await (await connect()).channel()
    exchange = await channel.declare_exchange(name, "topic")
    queue = await channel.declare_queue(name)
    for pattern in ("a.*", "#", "a.b", "*.b"):
        await queue.bind(exchange, pattern)

    await say(exchange, "a.b")

    assert await drained(queue) == ["a.b"]


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("#", ["", "a", "a.b", "a..b", "a.b.c"]),
        ("*", ["a"]),
        ("*.*", ["a.b"]),
        ("a.#", ["a", "a.b", "a..b", "a.b.c"]),
        ("#.b", ["a.b", "a..b"]),
        ("a.#.b", ["a.b", "a..b"]),
        ("a..b", ["a..b"]),
        ("a.*.b", ["a..b"]),
        ("#.#", ["", "a", "a.b", "a..b", "a.b.c"]),
        ("", [""]),
    ],
)
async def test_topic_patterns(connect, name, pattern, matching):
    channel = await (await connect()).channel()
    exchange = await channel.declare_exchange(name, "topic")
    queue = await channel.declare_queue(name)
    await queue.bind(exchange, pattern)
    for key in ("", "a", "a.b", "a..b", "a.b.c"):
        await exchange.publish(Message(b"x", headers={"key": key}), key, mandatory=False)

    found = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        found.append(message.routing_key)
    assert found == matching


@pytest.mark.parametrize(
    ("arguments", "matching"),
    [
        ({"x-match": "all", "a": 1, "b": "two"}, ["both"]),
        ({"x-match": "any", "a": 1, "b": "two"}, ["both", "one", "text"]),
        ({"a": 1}, ["both", "one"]),
        ({"x-match": "all"}, ["both", "one", "text", "none"]),
        ({"x-match": "any"}, []),
        ({"x-match": "all", "a": None}, ["both", "one", "text"]),
        ({"x-match": "all", "x-ignored": "yes"}, ["both", "one", "text", "none"]),
    ],
)
async def test_headers_exchanges_compare_header_values(connect, name, arguments, matching):
    channel = await (await connect()).channel()
    exchange = await channel.declare_exchange(name, "headers")
    queue = await channel.declare_queue(name)
    await queue.bind(exchange, "", arguments=arguments)
    await say(exchange, "", "both", headers={"a": 1, "b": "two"})
    await say(exchange, "", "one", headers={"a": 1, "b": "three"})
    await say(exchange, "", "text", headers={"a": "1", "b": "two"})
    await say(exchange, "", "none")

    assert await drained(queue) == matching


async def test_exchanges_bound_in_a_circle_deliver_once(connect, name):
    channel = await (await connect()).channel()
    first = await channel.declare_exchange(name, "fanout")
    second = await channel.declare_exchange(name + "-2", "topic")
    queue = await channel.declare_queue(name)
    await second.bind(first)
    await first.bind(second, "#")
    await queue.bind(second, "k")

    await say(first, "k", "x")
    await say(first, "other", "y")

    assert await drained(queue) == ["x"]


async def test_what_no_binding_wants_goes_to_the_alternate_exchange(connect, name):
    channel = await (await connect()).channel()
    alternate = await channel.declare_exchange(name + "-2", "fanout")
    exchange = await channel.declare_exchange(name, "direct", arguments={"alternate-exchange": name + "-2"})
    wanted, other = await channel.declare_queue(name), await channel.declare_queue(name + "-2")
    await wanted.bind(exchange, "k")
    await other.bind(alternate)

    await exchange.publish(Message(b"wanted"), "k", mandatory=True)
    await exchange.publish(Message(b"stray"), "no-such-key", mandatory=True)

    assert (await drained(wanted), await drained(other)) == (["wanted"], ["stray"])


async def test_cc_and_bcc_are_further_routing_keys_and_bcc_is_not_passed_on(connect, name):
    channel = await (await connect()).channel()
    queues = [await channel.declare_queue(name + suffix) for suffix in ("", "-2", "-3")]
    headers = {"CC": [name + "-2"], "BCC": [name + "-3"], "kept": 1}

    await channel.default_exchange.publish(Message(b"x", headers=headers), name)

    for queue in queues:
        assert (await queue.get(no_ack=True)).headers == {"CC": [name + "-2"], "kept": 1}


async def test_cc_that_is_no_list_closes_the_channel(connect, name):
    channel = await (await connect()).channel()
    await channel.declare_queue(name)

    with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed):
        await channel.default_exchange.publish(Message(b"x", headers={"CC": "text"}), name)


async def test_unbinding_stops_the_flow_and_twice_is_no_error(connect, name):
    channel = await (await connect()).channel()
    exchange = await channel.declare_exchange(name, "direct")
    queue = await channel.declare_queue(name)
    await queue.bind(exchange, "k")
    await queue.bind(exchange, "k")
    await queue.unbind(exchange, "k")
    await queue.unbind(exchange, "k")

    await say(exchange, "k")

    assert await drained(queue) == []


async def test_an_auto_delete_exchange_goes_with_its_last_binding(connect, name):
    connection = await connect()
    channel = await connection.channel()
    exchange = await channel.declare_exchange(name, "direct", auto_delete=True)
    queue = await channel.declare_queue(name)
    await queue.bind(exchange, "k")
    await queue.unbind(exchange, "k")

    with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
        await channel.declare_exchange(name, passive=True)


async def test_an_exchange_in_use_is_not_deleted_when_asked_so(connect, name):
    channel = await (await connect()).channel()
    exchange = await channel.declare_exchange(name, "direct")
    queue = await channel.declare_queue(name)
    await queue.bind(exchange, "k")

    with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed, match=f"exchange '{name}' in vhost '/' in use"):
        await channel.exchange_delete(name, if_unused=True)


async def test_an_internal_exchange_takes_nothing_from_clients(connect, name):
    channel = await (await connect()).channel()
    await channel.declare_exchange(name, "fanout", internal=True)
    exchange = await channel.get_exchange(name, ensure=False)  # aio-pika's own check is not what is tested.

    with pytest.raises(
        aiormq.exceptions.ChannelAccessRefused, match=f"cannot publish to internal exchange '{name}' in vhost '/'"
    ):
        await exchange.publish(Message(b"x"), "")


async def test_an_exchange_cannot_change_its_type(connect, name):
    channel = await (await connect()).channel()
    await channel.declare_exchange(name, "direct")

    with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed) as refused:
        await channel.declare_exchange(name, "fanout")

    assert str(refused.value) == (
        f"PRECONDITION_FAILED - inequivalent arg 'type' for exchange '{name}' in vhost '/': "
        "received 'fanout' but current is 'direct'"
    )

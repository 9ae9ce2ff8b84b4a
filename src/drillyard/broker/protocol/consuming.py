"""
Consuming: subscriptions, prefetch, single gets, and the three answers to a delivery (ack, nack, reject).
"""

from __future__ import annotations

import secrets
import struct
from typing import Any

from pamqp import commands

from drillyard.broker.errors import AmqpError, not_implemented
from drillyard.broker.inequivalent import type_name
from drillyard.broker.protocol.channel import Channel, return_to_queues
from drillyard.broker.protocol.consumer import Consumer
from drillyard.broker.protocol.publishing import REPLY_TO
from drillyard.broker.protocol.transaction import Delivery, How
from drillyard.broker.vhost import REPLY_PREFIX
from drillyard.broker.wire import frames

_ACK = struct.Struct(">HHQB")


def on_qos(channel: Channel, method: commands.Basic.Qos) -> None:
    if method.prefetch_size:
        raise not_implemented(f"prefetch_size!=0 ({method.prefetch_size})")
    if method.global_:
        channel.prefetch = method.prefetch_count
    else:
        channel.consumer_prefetch = method.prefetch_count
    channel.send(commands.Basic.QosOk())
    channel.pump()


def on_consume(channel: Channel, method: commands.Basic.Consume) -> None:
    arguments = method.arguments or {}
    tag = method.consumer_tag or f"amq.ctag-{secrets.token_urlsafe(16)}"
    if method.queue == REPLY_TO:
        _consume_replies(channel, method, tag)
        return
    queue = channel.queue(method.queue)
    priority = arguments.get("x-priority", 0)
    if isinstance(priority, bool) or not isinstance(priority, int):
        why = f'"expected integer, got {type_name(priority)}"'
        raise AmqpError(406, f"invalid arg 'x-priority' for queue '{queue.name}' in vhost '/': {why}")
    if tag in channel.consumers:
        raise AmqpError(530, f"attempt to reuse consumer tag '{tag}'")
    consumer = Consumer(
        channel,
        queue,
        tag,
        no_ack=bool(method.no_ack),
        exclusive=bool(method.exclusive),
        prefetch=channel.consumer_prefetch,
        arguments=dict(arguments),
    )
    queue.add_consumer(consumer)
    channel.consumers[tag] = consumer
    channel.reply(commands.Basic.ConsumeOk(tag), nowait=bool(method.nowait))
    queue.pump()


def _consume_replies(channel: Channel, method: commands.Basic.Consume, tag: str) -> None:
    if not method.no_ack:
        raise AmqpError(406, "reply consumer cannot acknowledge")
    if channel.reply_name is not None:
        raise AmqpError(406, "reply consumer already set")
    consumer = Consumer(channel, None, tag, no_ack=True)
    channel.reply_name = f"{REPLY_PREFIX}{secrets.token_urlsafe(16)}.{channel.number}"
    channel.consumers[tag] = consumer
    channel.vhost.reply_takers[channel.reply_name] = consumer
    channel.reply(commands.Basic.ConsumeOk(tag), nowait=bool(method.nowait))


def on_cancel(channel: Channel, method: commands.Basic.Cancel) -> None:
    """Its deliveries stay with the channel until they are settled. An unknown tag is no error."""
    tag = method.consumer_tag or ""
    consumer = channel.consumers.pop(tag, None)
    channel.reply(commands.Basic.CancelOk(tag), nowait=bool(method.nowait))
    if consumer is None:
        return
    if consumer.queue is not None:
        consumer.queue.remove_consumer(consumer)
    elif channel.reply_name is not None:
        channel.vhost.reply_takers.pop(channel.reply_name, None)
        channel.reply_name = None


def on_get(channel: Channel, method: commands.Basic.Get) -> None:
    queue = channel.queue(method.queue)
    entry = queue.get(no_ack=bool(method.no_ack))
    if entry is None:
        channel.send(commands.Basic.GetEmpty())
        return
    tag = channel.next_delivery(None if method.no_ack else queue, entry, None)
    message = entry.message
    payload = frames.get_ok(tag, entry.redelivered, *message.wire_names, len(queue.ready))
    channel.connection.send(
        frames.pack_content(
            channel.number, payload, message.properties, message.body, channel.connection.limits.frame_max_bytes
        )
    )


# ---- answers to deliveries


def on_fast_ack(channel: Channel, payload: bytes) -> bool:
    """basic.ack without the general decoder: with prefetch 1 it is every second frame. True when it was one."""
    if len(payload) != _ACK.size or not payload.startswith(b"\x00\x3c\x00\x50"):
        return False
    _, _, tag, bits = _ACK.unpack(payload)
    _answer(channel, take_out(channel, tag, bool(bits & 1)), "ack")
    return True


def on_nack(channel: Channel, method: commands.Basic.Nack) -> None:
    taken = take_out(channel, method.delivery_tag, bool(method.multiple))
    _answer(channel, taken, "requeue" if method.requeue else "drop")


def on_reject(channel: Channel, method: commands.Basic.Reject) -> None:
    taken = take_out(channel, method.delivery_tag or 0, False)
    _answer(channel, taken, "requeue" if method.requeue else "drop")


def on_recover(channel: Channel, method: commands.Basic.Recover) -> None:
    if not method.requeue:
        raise not_implemented("requeue=false")
    channel.give_back()
    if isinstance(method, commands.Basic.Recover):
        channel.send(commands.Basic.RecoverOk())
    channel.pump()


def take_out(channel: Channel, tag: int, multiple: bool) -> dict[int, Delivery]:
    """The deliveries that a tag means, by tag, oldest first. Raises AmqpError 406 for a tag that is not outstanding."""
    unsettled = channel.unsettled
    if multiple and tag == 0:
        tags = list(unsettled)
    elif tag not in unsettled:
        raise AmqpError(406, f"unknown delivery tag {tag}")
    else:
        tags = [known for known in unsettled if known <= tag] if multiple else [tag]
    return {known: unsettled.pop(known) for known in tags}


def _answer(channel: Channel, taken: dict[int, Delivery], how: How) -> None:
    if channel.transaction is not None:
        channel.transaction.answers.append((taken, how))
    else:
        finish(channel, list(taken.values()), how)


def finish(channel: Channel, deliveries: list[Delivery], how: How) -> None:
    """Answers for good: the queues forget the messages, take them back or let them die, and their consumers go on."""
    for _, _, consumer in deliveries:
        if consumer is not None:
            consumer.outstanding -= 1
    if how == "requeue":
        return_to_queues(deliveries)
    else:
        for queue, entry, _ in deliveries:
            if how == "ack":
                queue.settle(entry)
            else:
                queue.reject(entry)
    _pump_after(channel, deliveries)


def _pump_after(channel: Channel, deliveries: list[Delivery]) -> None:
    """With a limit for the whole channel, any of its consumers may go on; else only those that answered."""
    if channel.prefetch:
        channel.pump()
        return
    for queue in {consumer.queue for _, _, consumer in deliveries if consumer is not None}:
        if queue is not None:
            queue.pump()


HANDLERS: dict[type[Any], Any] = {
    commands.Basic.Qos: on_qos,
    commands.Basic.Consume: on_consume,
    commands.Basic.Cancel: on_cancel,
    commands.Basic.Get: on_get,
    commands.Basic.Nack: on_nack,
    commands.Basic.Reject: on_reject,
    commands.Basic.Recover: on_recover,
    commands.Basic.RecoverAsync: on_recover,
}

"""
Publishing: a method, a header and body frames become one message, and the publisher learns what became of it.

A confirm goes out at once for what need not survive, and after the commit for what must. `mandatory` messages that no
queue wanted come back before their confirm.
"""

from __future__ import annotations

import struct
from typing import Any

from pamqp import commands

from drillyard.broker.errors import AmqpError, not_implemented
from drillyard.broker.message import Message
from drillyard.broker.protocol.channel import Channel
from drillyard.broker.protocol.incoming import Incoming
from drillyard.broker.vhost import REPLY_PREFIX
from drillyard.broker.wire import frames
from drillyard.broker.wire.properties import Properties
from drillyard.broker.wire.table import malformed

MESSAGE_MAX_BYTES = 134_217_728
REPLY_TO = "amq.rabbitmq.reply-to"
_HEAD = struct.Struct(">HHQ")


def on_publish(channel: Channel, method: commands.Basic.Publish) -> None:
    if method.immediate:
        raise not_implemented("immediate=true")
    if method.exchange != "":
        exchange = channel.vhost.routing.exchange(method.exchange)
        if exchange.internal:
            raise AmqpError(403, f"cannot publish to internal exchange '{method.exchange}' in vhost '/'")
    channel.incoming = Incoming(method.exchange, method.routing_key, bool(method.mandatory))


def on_header(channel: Channel, payload: bytes) -> None:
    incoming = channel.incoming
    if incoming is None or incoming.size_bytes is not None:
        raise AmqpError(505, "a content header came where none was expected")
    if len(payload) < _HEAD.size:
        raise malformed("content header")
    class_id, _, size_bytes = _HEAD.unpack_from(payload)
    if class_id != frames.BASIC_CLASS:
        raise AmqpError(505, f"expected content header for class 60, got one for class {class_id} instead")
    if size_bytes > MESSAGE_MAX_BYTES:
        raise AmqpError(406, f"message size {size_bytes} is larger than configured max size {MESSAGE_MAX_BYTES}")
    incoming.size_bytes = size_bytes
    incoming.properties = payload[_HEAD.size :]
    if size_bytes == 0:
        _complete(channel, incoming)


def on_body(channel: Channel, payload: bytes) -> None:
    incoming = channel.incoming
    if incoming is None or incoming.size_bytes is None:
        raise AmqpError(505, "a content body came where none was expected")
    incoming.body.append(payload)
    incoming.received_bytes += len(payload)
    if incoming.received_bytes > incoming.size_bytes:
        raise AmqpError(501, f"the content body is longer than the {incoming.size_bytes} bytes announced")
    if incoming.received_bytes == incoming.size_bytes:
        _complete(channel, incoming)


def _complete(channel: Channel, incoming: Incoming) -> None:
    channel.incoming = None
    body = incoming.body[0] if len(incoming.body) == 1 else b"".join(incoming.body)
    message = Message(incoming.exchange, incoming.routing_key, incoming.properties, body)
    _check_user(channel, message)
    _expand_reply_to(channel, message)
    channel.published += 1
    channel.broker.traffic.published += 1
    if channel.transaction is not None:
        channel.transaction.publishes.append((message, incoming.mandatory))
    else:
        deliver(channel, message, mandatory=incoming.mandatory)


def deliver(channel: Channel, message: Message, *, mandatory: bool) -> None:
    """To every queue that wants it; then the publisher learns what became of it."""
    outcome = channel.vhost.publish(message)
    if not outcome.routed:
        if mandatory:
            _return(channel, message)
        else:
            channel.vhost.unroutable_dropped += 1
    confirms = channel.confirms
    if confirms is None:
        return
    channel.broker.traffic.published_to_confirm += 1
    tag = confirms.next_tag()
    if outcome.durable:
        accepted = outcome.accepted

        def settle(committed: bool) -> None:
            confirms.settle(tag, committed and accepted)
            channel.broker.traffic.confirmed += committed and accepted
            channel.connection.before_flush(channel.tell_confirms)

        channel.vhost.journal.after_commit(settle)
    else:
        confirms.settle(tag, outcome.accepted)
        channel.broker.traffic.confirmed += outcome.accepted
        channel.connection.before_flush(channel.tell_confirms)


def _return(channel: Channel, message: Message) -> None:
    channel.vhost.unroutable_returned += 1
    method = frames.returned(312, "NO_ROUTE", *message.wire_names)
    channel.connection.send(
        frames.pack_content(
            channel.number, method, message.properties, message.body, channel.connection.limits.frame_max_bytes
        )
    )


def _check_user(channel: Channel, message: Message) -> None:
    user = message.parsed.text("user_id")
    if user is not None and user != channel.connection.user:
        raise AmqpError(406, f"user_id property set to '{user}' but authenticated user was '{channel.connection.user}'")


def _expand_reply_to(channel: Channel, message: Message) -> None:
    """Direct reply-to (https://www.rabbitmq.com/docs/direct-reply-to): the channel's own address replaces the word."""
    if message.parsed.text("reply_to") != REPLY_TO:
        return
    if channel.reply_name is None:
        raise AmqpError(406, "fast reply consumer does not exist")
    parsed = Properties(dict(message.parsed.fields))
    parsed.fields["reply_to"] = channel.reply_name.encode()
    message.properties = parsed.pack()
    assert channel.reply_name.startswith(REPLY_PREFIX)


HANDLERS: dict[type[Any], Any] = {commands.Basic.Publish: on_publish}

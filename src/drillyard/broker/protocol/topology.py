"""
Declaring and deleting: exchanges, queues, bindings.

What must survive is answered only once it is on disk.
"""

from __future__ import annotations

from typing import Any

from pamqp import base, commands

from drillyard.broker.errors import AmqpError
from drillyard.broker.protocol.channel import Channel
from drillyard.broker.protocol.publishing import REPLY_TO
from drillyard.broker.queues.declaration import Declaration
from drillyard.broker.routing.bindings import Binding, Destination
from drillyard.broker.routing.exchange import Exchange
from drillyard.broker.routing.map import check_exchange
from drillyard.broker.wire.methods import QueueDeclareOk


def on_exchange_declare(channel: Channel, method: commands.Exchange.Declare) -> None:
    if method.passive:
        if method.exchange == "":
            raise AmqpError(403, "operation not permitted on the default exchange")
        channel.vhost.routing.exchange(method.exchange)
        channel.reply(commands.Exchange.DeclareOk(), nowait=bool(method.nowait))
        return
    arguments = method.arguments or {}
    check_exchange(method.exchange, method.exchange_type, arguments)
    wanted = Exchange(
        method.exchange,
        method.exchange_type,
        durable=bool(method.durable),
        auto_delete=bool(method.auto_delete),
        internal=bool(method.internal),
        arguments=dict(arguments),
    )
    exchange = channel.vhost.declare_exchange(wanted)
    _answer(channel, commands.Exchange.DeclareOk(), nowait=method.nowait, durable=exchange.durable)


def on_exchange_delete(channel: Channel, method: commands.Exchange.Delete) -> None:
    channel.vhost.delete_exchange(method.exchange, if_unused=bool(method.if_unused))
    channel.reply_committed(commands.Exchange.DeleteOk(), nowait=bool(method.nowait))


def on_exchange_bind(channel: Channel, method: commands.Exchange.Bind) -> None:
    channel.vhost.bind(_between_exchanges(method))
    channel.reply_committed(commands.Exchange.BindOk(), nowait=bool(method.nowait))


def on_exchange_unbind(channel: Channel, method: commands.Exchange.Unbind) -> None:
    channel.vhost.routing.unbind(_between_exchanges(method))
    channel.reply_committed(commands.Exchange.UnbindOk(), nowait=bool(method.nowait))


def on_queue_declare(channel: Channel, method: commands.Queue.Declare) -> None:
    if method.queue.startswith(REPLY_TO):
        _declare_replies(channel, method)
        return
    if method.passive:
        queue = channel.vhost.queue(method.queue, channel.connection)
        durable = False
    else:
        wanted = Declaration(
            method.queue,
            durable=bool(method.durable),
            auto_delete=bool(method.auto_delete),
            owner=channel.connection if method.exclusive else None,
            arguments=dict(method.arguments or {}),
        )
        queue = channel.vhost.declare_queue(wanted, channel.connection)
        durable = queue.declaration.stored
    channel.last_queue = queue.name
    answer = QueueDeclareOk(queue.name, len(queue.ready), len(queue.consumers))
    _answer(channel, answer, nowait=method.nowait, durable=durable)


def _declare_replies(channel: Channel, method: commands.Queue.Declare) -> None:
    """Direct reply-to: whoever answers may ask in this way whether anybody still waits."""
    if method.queue != REPLY_TO and method.queue not in channel.vhost.reply_takers:
        raise AmqpError(404, f"no queue '{method.queue}' in vhost '/'")
    channel.reply(QueueDeclareOk(method.queue, 0, 1), nowait=bool(method.nowait))


def on_queue_delete(channel: Channel, method: commands.Queue.Delete) -> None:
    """Deleting what does not exist is no error (as in RabbitMQ)."""
    name = channel.expand(method.queue)
    if name not in channel.vhost.queues:
        channel.reply(commands.Queue.DeleteOk(0), nowait=bool(method.nowait))
        return
    queue = channel.queue(name)
    count = channel.vhost.delete_queue(queue, if_unused=bool(method.if_unused), if_empty=bool(method.if_empty))
    _answer(channel, commands.Queue.DeleteOk(count), nowait=method.nowait, durable=queue.declaration.stored)


def on_queue_purge(channel: Channel, method: commands.Queue.Purge) -> None:
    count = channel.queue(method.queue).purge()
    channel.reply(commands.Queue.PurgeOk(count), nowait=bool(method.nowait))


def on_queue_bind(channel: Channel, method: commands.Queue.Bind) -> None:
    binding = _to_queue(channel, method)
    channel.vhost.bind(binding)
    channel.reply_committed(commands.Queue.BindOk(), nowait=bool(method.nowait))


def on_queue_unbind(channel: Channel, method: commands.Queue.Unbind) -> None:
    channel.vhost.routing.unbind(_to_queue(channel, method))
    channel.reply_committed(commands.Queue.UnbindOk(), nowait=False)


def _to_queue(channel: Channel, method: commands.Queue.Bind | commands.Queue.Unbind) -> Binding:
    """An empty queue name is the last one declared; then an empty routing key is its name too (AMQP 0-9-1)."""
    name = channel.expand(method.queue)
    if name in channel.vhost.queues or isinstance(method, commands.Queue.Bind):
        channel.queue(name)
    routing_key = name if not method.queue and not method.routing_key else method.routing_key
    return Binding.make(method.exchange, Destination("queue", name), routing_key, method.arguments or {})


def _between_exchanges(method: commands.Exchange.Bind | commands.Exchange.Unbind) -> Binding:
    if "" in (method.source, method.destination):
        raise AmqpError(403, "operation not permitted on the default exchange")
    return Binding.make(
        method.source, Destination("exchange", method.destination), method.routing_key, method.arguments or {}
    )


def _answer(channel: Channel, method: base.Frame, *, nowait: Any, durable: bool) -> None:
    if durable:
        channel.reply_committed(method, nowait=bool(nowait))
    else:
        channel.reply(method, nowait=bool(nowait))


HANDLERS: dict[type[Any], Any] = {
    commands.Exchange.Declare: on_exchange_declare,
    commands.Exchange.Delete: on_exchange_delete,
    commands.Exchange.Bind: on_exchange_bind,
    commands.Exchange.Unbind: on_exchange_unbind,
    commands.Queue.Declare: on_queue_declare,
    commands.Queue.Delete: on_queue_delete,
    commands.Queue.Purge: on_queue_purge,
    commands.Queue.Bind: on_queue_bind,
    commands.Queue.Unbind: on_queue_unbind,
}

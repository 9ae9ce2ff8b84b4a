"""
A channel: one conversation inside a connection, with its own deliveries, limits and errors.

It reads frames in order, hands each method to the part that knows it, and remembers every delivery that is not settled.
When it ends, for whatever reason, what it held goes back to the queues.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pamqp import base, commands

from drillyard.broker.errors import AmqpError, not_implemented
from drillyard.broker.protocol import consuming, publishing, topology
from drillyard.broker.protocol.confirms import Confirms
from drillyard.broker.protocol.consumer import Consumer
from drillyard.broker.queues.entry import Entry
from drillyard.broker.queues.queue import Queue
from drillyard.broker.wire import frames
from drillyard.broker.wire.methods import pack_method, read_method

if TYPE_CHECKING:
    from drillyard.broker.protocol.connection import Connection

Handler = Callable[["Channel", Any], None]
Delivery = tuple[Queue, Entry, Consumer | None]


class Channel:
    def __init__(self, connection: Connection, number: int) -> None:
        self.connection = connection
        self.broker = connection.broker
        self.vhost = connection.broker.vhost
        self.number = number
        self.is_open = True
        self.consumers: dict[str, Consumer] = {}
        self.unsettled: dict[int, Delivery] = {}
        self.prefetch = 0  # For the whole channel (qos with global).
        self.consumer_prefetch = 0  # For consumers to come.
        self.confirms: Confirms | None = None
        self.last_queue = ""
        self.reply_name: str | None = None
        self.incoming: publishing.Incoming | None = None
        self.published = 0
        self._delivery_tag = 0

    # ---- frames in

    def on_frame(self, kind: int, payload: bytes) -> None:
        """Raises AmqpError for whatever the client did wrong."""
        if kind == frames.METHOD:
            self._on_method(payload)
        elif kind == frames.HEADER:
            publishing.on_header(self, payload)
        elif kind == frames.BODY:
            publishing.on_body(self, payload)
        else:
            raise AmqpError(505, f"a frame of type {kind} has no place on channel {self.number}")

    def _on_method(self, payload: bytes) -> None:
        if self.incoming is not None:
            raise AmqpError(505, "expected content header or body for class 60, got a method frame instead")
        if consuming.on_fast_ack(self, payload):
            return
        method = read_method(payload)
        handler = _HANDLERS.get(type(method))
        if handler is None:
            raise _refusal(method)
        handler(self, method)

    # ---- frames out

    def send(self, method: base.Frame) -> None:
        self.connection.send(pack_method(method, self.number))

    def reply(self, method: base.Frame, *, nowait: bool) -> None:
        if not nowait:
            self.send(method)

    def reply_committed(self, method: base.Frame, *, nowait: bool) -> None:
        """Answers once everything so far is on disk; until then the connection is not read further."""
        if nowait:
            return
        connection = self.connection
        connection.hold("commit")

        def answer(committed: bool) -> None:
            if committed and self.is_open:
                self.send(method)
            connection.release("commit")

        self.vhost.journal.after_commit(answer)

    # ---- deliveries

    def next_delivery(self, queue: Queue | None, entry: Entry, consumer: Consumer | None) -> int:
        """The tag of a delivery; remembered unless it needs no acknowledgement."""
        self._delivery_tag += 1
        if queue is not None and not (consumer is not None and consumer.no_ack):
            self.unsettled[self._delivery_tag] = (queue, entry, consumer)
            if consumer is not None:
                consumer.outstanding += 1
        return self._delivery_tag

    def queue(self, name: str) -> Queue:
        """By name; an empty name is the last queue declared here. Raises AmqpError 404 or 405."""
        return self.vhost.queue(self.expand(name), self.connection)

    def expand(self, name: str) -> str:
        if name:
            return name
        if not self.last_queue:
            raise AmqpError(404, "no previously declared queue")
        return self.last_queue

    def pump(self) -> None:
        """Something became possible again: offers every consumer's queue the chance."""
        for consumer in list(self.consumers.values()):
            if consumer.queue is not None:
                consumer.queue.pump()

    def close(self) -> None:
        """Consumers leave first, so that what goes back is not handed to this channel again."""
        if not self.is_open:
            return
        self.is_open = False
        self.incoming = None
        consumers, self.consumers = list(self.consumers.values()), {}
        if self.reply_name is not None:
            self.vhost.reply_takers.pop(self.reply_name, None)
        for consumer in consumers:
            if consumer.queue is not None:
                consumer.queue.consumers.remove(consumer)
        consuming.give_back(self)
        for consumer in consumers:
            if consumer.queue is not None:
                consumer.queue.remove_consumer(consumer)


def _on_confirm_select(channel: Channel, method: commands.Confirm.Select) -> None:
    if channel.confirms is None:
        channel.confirms = Confirms()
    channel.reply(commands.Confirm.SelectOk(), nowait=bool(method.nowait))


def _on_flow(channel: Channel, method: commands.Channel.Flow) -> None:
    if not method.active:
        raise not_implemented("active=false")
    channel.send(commands.Channel.FlowOk(True))


def _on_close(channel: Channel, method: commands.Channel.Close) -> None:
    channel.connection.channels.close(channel)
    channel.send(commands.Channel.CloseOk())


def _refusal(method: base.Frame) -> AmqpError:
    if isinstance(method, commands.Tx.Select | commands.Tx.Commit | commands.Tx.Rollback):
        return not_implemented("transactions are not implemented by this broker; use publisher confirms")
    if isinstance(method, commands.Channel.Open):
        return AmqpError(504, "second 'channel.open' seen")
    return AmqpError(503, f"unexpected method {method.name} on channel")


_HANDLERS: dict[type[base.Frame], Handler] = {
    commands.Channel.Close: _on_close,
    commands.Channel.Flow: _on_flow,
    commands.Confirm.Select: _on_confirm_select,
    **publishing.HANDLERS,
    **consuming.HANDLERS,
    **topology.HANDLERS,
}

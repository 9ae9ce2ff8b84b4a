"""
A channel: one conversation inside a connection, with its own deliveries and limits.

It remembers every delivery that is not settled. When it ends, for whatever reason, what it held goes back to its
queues.
"""

from __future__ import annotations

from collections.abc import Callable

from pamqp import base

from drillyard.broker.errors import AmqpError
from drillyard.broker.protocol.confirms import Confirms
from drillyard.broker.protocol.consumer import Consumer
from drillyard.broker.protocol.incoming import Incoming
from drillyard.broker.protocol.link import Link
from drillyard.broker.protocol.transaction import Delivery, Transaction
from drillyard.broker.queues.entry import Entry
from drillyard.broker.queues.queue import Queue
from drillyard.broker.wire import frames
from drillyard.broker.wire.methods import pack_method


class Channel:
    """`leave` closes it in its connection's books too."""

    def __init__(self, connection: Link, number: int, leave: Callable[[Channel], None]) -> None:
        self.connection = connection
        self.leave = leave
        self.broker = connection.broker
        self.vhost = connection.broker.vhost
        self.number = number
        self.is_open = True
        self.consumers: dict[str, Consumer] = {}
        self.unsettled: dict[int, Delivery] = {}
        self.prefetch = 0  # For the whole channel (qos with global).
        self.consumer_prefetch = 0  # For consumers to come.
        self.confirms: Confirms | None = None
        self.transaction: Transaction | None = None
        self.last_queue = ""
        self.reply_name: str | None = None
        self.incoming: Incoming | None = None
        self.published = 0
        self._delivery_tag = 0

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

    def tell_confirms(self) -> None:
        """Confirms what is settled by now."""
        if self.confirms is None or not self.is_open:
            return
        for answer in self.confirms.take_answers():
            pack = frames.ack if answer.accepted else frames.nack
            self.connection.send(pack(self.number, answer.tag, answer.multiple))

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

    def forget(self, consumer: Consumer) -> None:
        self.consumers.pop(consumer.tag, None)

    def give_back(self) -> None:
        """Everything that is not settled returns to its queue."""
        if not self.is_open and self.transaction is not None:
            self.unsettled.update(self.transaction.answered)  # Never committed.
        deliveries = list(self.unsettled.values())
        self.unsettled.clear()
        for _, _, consumer in deliveries:
            if consumer is not None:
                consumer.outstanding -= 1
        return_to_queues(deliveries)

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
        self.give_back()
        for consumer in consumers:
            if consumer.queue is not None:
                consumer.queue.remove_consumer(consumer)


def return_to_queues(deliveries: list[Delivery]) -> None:
    """Each queue gets its own back in one piece."""
    by_queue: dict[Queue, list[Entry]] = {}
    for queue, entry, _ in deliveries:
        by_queue.setdefault(queue, []).append(entry)
    for queue, entries in by_queue.items():
        queue.requeue(entries)

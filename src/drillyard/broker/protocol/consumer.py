"""
A consumer: one subscription of one channel to one queue.

It may take a message while its own prefetch, its channel's and its connection's socket allow. That is the broker's
whole back-pressure: what a client does not read stays in the queue.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Protocol

from pamqp import base, commands

from drillyard.broker.protocol.link import Link
from drillyard.broker.queues.entry import Entry
from drillyard.broker.queues.queue import Queue
from drillyard.broker.wire import frames
from drillyard.broker.wire.table import Table


class Outlet(Protocol):
    """A channel, as its consumers use it."""

    number: int
    is_open: bool
    prefetch: int

    @property
    def connection(self) -> Link:
        """What carries the deliveries."""

    @property
    def unsettled(self) -> Sized:
        """The deliveries that wait for an answer."""

    def next_delivery(self, queue: Queue | None, entry: Entry, consumer: Consumer | None) -> int:
        """The tag of a delivery."""

    def forget(self, consumer: Consumer) -> None:
        """The consumer is gone."""

    def send(self, method: base.Frame) -> None:
        """A method to the client."""


class Consumer:
    """`prefetch` 0 means no limit. `queue` is None for direct reply-to, which has none."""

    def __init__(
        self,
        channel: Outlet,
        queue: Queue | None,
        tag: str,
        *,
        no_ack: bool,
        exclusive: bool = False,
        prefetch: int = 0,
        arguments: Table | None = None,
    ) -> None:
        self.channel = channel
        self.queue = queue
        self.tag = tag
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.prefetch = prefetch
        self.arguments = arguments or {}
        self.priority: int = self.arguments.get("x-priority", 0)
        self.outstanding = 0
        self._wire_tag = frames.short_string(tag)

    @property
    def can_take(self) -> bool:
        channel = self.channel
        if not channel.connection.writable or not channel.is_open:
            return False
        if self.no_ack:
            return True
        if self.prefetch and self.outstanding >= self.prefetch:
            return False
        return not channel.prefetch or len(channel.unsettled) < channel.prefetch

    def take(self, entry: Entry) -> None:
        channel = self.channel
        tag = channel.next_delivery(self.queue, entry, self)
        message = entry.message
        method = frames.deliver(self._wire_tag, tag, entry.redelivered, *message.wire_names)
        channel.connection.send(
            frames.pack_content(
                channel.number, method, message.properties, message.body, channel.connection.limits.frame_max_bytes
            )
        )

    def cancelled_by_queue(self) -> None:
        channel = self.channel
        channel.forget(self)
        if channel.connection.client_can("consumer_cancel_notify"):
            channel.send(commands.Basic.Cancel(self.tag, True))

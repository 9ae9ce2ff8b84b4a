"""
The consumers of one queue: who is next, and who alone may be served.

Messages go round in turn among those of the highest priority that can take one
(https://www.rabbitmq.com/docs/consumer-priority). With a single active consumer only the first counts, until it
leaves (https://www.rabbitmq.com/docs/consumers#single-active-consumer).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from drillyard.broker.queues.entry import Entry


class Taker(Protocol):
    """What a queue knows of a consumer."""

    tag: str
    exclusive: bool
    no_ack: bool
    priority: int

    @property
    def can_take(self) -> bool:
        """False while its prefetch is used up, its channel is stopped or its socket is full."""

    def take(self, entry: Entry) -> None:
        """Sends the message; settles it at once when no acknowledgement is wanted."""

    def cancelled_by_queue(self) -> None:
        """The queue is gone: tell the client."""


class Consumers:
    def __init__(self, *, single_active: bool = False) -> None:
        self.single_active = single_active
        self._turn: list[Taker] = []
        self._next = 0
        self._highest = 0

    def __len__(self) -> int:
        return len(self._turn)

    def __iter__(self) -> Iterator[Taker]:
        return iter(self._turn)

    @property
    def exclusive(self) -> bool:
        return any(consumer.exclusive for consumer in self._turn)

    @property
    def single_active_tag(self) -> str | None:
        return self._turn[0].tag if self.single_active and self._turn else None

    def active(self, consumer: Taker) -> bool:
        """False only for those that wait behind a single active consumer."""
        return not self.single_active or (bool(self._turn) and self._turn[0] is consumer)

    def add(self, consumer: Taker) -> None:
        self._turn.append(consumer)
        self._highest = max(each.priority for each in self._turn)

    def remove(self, consumer: Taker) -> None:
        if consumer in self._turn:
            at = self._turn.index(consumer)
            self._turn.pop(at)
            if at < self._next:
                self._next -= 1
            self._highest = max((each.priority for each in self._turn), default=0)

    def clear(self) -> list[Taker]:
        consumers, self._turn, self._next = self._turn, [], 0
        return consumers

    def next_able(self) -> Taker | None:
        """The next in turn that can take a message now, or None."""
        count = len(self._turn)
        if self.single_active:
            return self._turn[0] if count and self._turn[0].can_take else None
        best: int | None = None
        for step in range(count):
            at = (self._next + step) % count
            taker = self._turn[at]
            if (best is None or taker.priority > self._turn[best].priority) and taker.can_take:
                best = at
                if taker.priority == self._highest:
                    break
        if best is None:
            return None
        self._next = (best + 1) % count
        return self._turn[best]

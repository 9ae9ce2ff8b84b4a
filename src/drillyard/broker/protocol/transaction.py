"""
Transactions: publishes and answers that count only once the client says `tx.commit` (AMQP 0-9-1, class tx).

What was acknowledged stays with the channel until then: a rollback makes it unacknowledged again, and a channel that
ends gives it back to its queues.
"""

from __future__ import annotations

from typing import Literal

from drillyard.broker.message import Message
from drillyard.broker.protocol.consumer import Consumer
from drillyard.broker.queues.entry import Entry
from drillyard.broker.queues.queue import Queue

Delivery = tuple[Queue, Entry, Consumer | None]
How = Literal["ack", "requeue", "drop"]
"""The three answers to a delivery."""


class Transaction:
    """What waits for the commit, in the order in which it was said."""

    def __init__(self) -> None:
        self.publishes: list[tuple[Message, bool]] = []
        """Each message, and whether it is mandatory."""
        self.answers: list[tuple[dict[int, Delivery], How]] = []

    def clear(self) -> None:
        """The next one begins."""
        self.publishes, self.answers = [], []

    @property
    def answered(self) -> dict[int, Delivery]:
        """Every delivery that was answered, by its tag."""
        return {tag: delivery for deliveries, _ in self.answers for tag, delivery in deliveries.items()}

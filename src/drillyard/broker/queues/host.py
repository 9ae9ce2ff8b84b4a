"""What a queue asks of the place it lives in: the time, a wake-up, a way for dead letters, and its own end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from drillyard.broker.message import Message

if TYPE_CHECKING:
    from drillyard.broker.queues.queue import Queue


class Host(Protocol):
    """What a queue asks of the virtual host."""

    def now_ms(self) -> int:
        """Epoch milliseconds."""

    def wake_at(self, queue: Queue, when_ms: int) -> None:
        """Calls `queue.on_time()` at that moment or soon after."""

    def dead_letter(self, queue: Queue, message: Message, reason: str) -> None:
        """Publishes the message again by the queue's dead-letter rules, once the queue is done."""

    def delete_unused(self, queue: Queue, why: str) -> None:
        """The queue has outlived its use (auto-delete, x-expires)."""

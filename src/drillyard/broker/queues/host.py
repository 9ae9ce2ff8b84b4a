"""What a queue asks of the place it lives in: the time, a wake-up, a way for dead letters, and its own end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from drillyard.broker.message import Message
from drillyard.broker.queues.rules import Rules


class Host(Protocol):
    """The virtual host, as its queues see it. They go by their names, so that this file need not know them."""

    def now_ms(self) -> int:
        """Epoch milliseconds."""

    def wake_at(self, when_ms: int, action: Callable[[], None]) -> None:
        """Calls `action` at that moment or soon after."""

    def dead_letter(self, message: Message, queue: str, rules: Rules, reason: str) -> None:
        """Publishes the message again by the rules of the queue that let it go, once that queue is done."""

    def delete_unused(self, queue: str, why: str) -> None:
        """The queue has outlived its use (auto-delete, x-expires)."""

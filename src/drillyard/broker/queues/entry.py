"""One message in one queue: its place, its deadline, and whether someone has seen it before."""

from __future__ import annotations

from drillyard.broker.message import Message


class Entry:
    """
    `position` never changes, so a requeued message returns to its old place. `expires_at_ms` is epoch milliseconds.

    `redelivered` is what the next consumer is told; `delivered` says that somebody has it or had it, and is what the
    store keeps: after a crash it becomes `redelivered`.
    """

    __slots__ = ("delivered", "expires_at_ms", "message", "position", "redelivered", "stored")

    def __init__(
        self,
        position: int,
        message: Message,
        *,
        expires_at_ms: int | None = None,
        redelivered: bool = False,
        stored: bool = False,
    ) -> None:
        self.position = position
        self.message = message
        self.expires_at_ms = expires_at_ms
        self.redelivered = redelivered
        self.delivered = redelivered
        self.stored = stored

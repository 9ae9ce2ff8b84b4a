"""
What channels ask of the connection that carries them.

The connection opens the channels, so it cannot be known here: arrows go one way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from drillyard.broker.protocol.handshake import Limits
from drillyard.broker.protocol.service import Service


class Link(Protocol):
    """One client's connection, as its channels use it. `peer` is address and port."""

    name: str
    peer: tuple[str, int]
    user: str
    limits: Limits

    @property
    def broker(self) -> Service:
        """Where the client is connected."""

    @property
    def writable(self) -> bool:
        """False while the client reads too slowly for more deliveries."""

    def client_can(self, capability: str) -> bool:
        """Whether the client announced a capability."""

    def send(self, data: bytes) -> None:
        """Whole frames, written with whatever else this turn of the loop produces."""

    def before_flush(self, action: Callable[[], None]) -> None:
        """Calls `action` once, just before the next write, however often it is asked for."""

    def hold(self, reason: str) -> None:
        """Frames that follow wait until every reason is released."""

    def release(self, reason: str) -> None:
        """One reason less to wait."""

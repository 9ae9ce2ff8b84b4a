"""What a client asked for when it declared a queue."""

from __future__ import annotations

from dataclasses import dataclass, field

from drillyard.broker.wire.table import Table


@dataclass(frozen=True)
class Declaration:
    """What the client asked for. `owner` is the connection of an exclusive queue."""

    name: str
    durable: bool = False
    auto_delete: bool = False
    owner: object | None = None
    arguments: Table = field(default_factory=dict)

    @property
    def stored(self) -> bool:
        """An exclusive queue dies with its connection, so it never outlives a restart, durable or not."""
        return self.durable and self.owner is None

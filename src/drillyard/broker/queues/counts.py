"""
What happened in a queue, counted so that nothing can vanish unseen.

`accepted = settled + dropped + ready + unacknowledged` holds at every moment; the property tests check it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class Counts:
    accepted: int = 0
    recovered: int = 0
    refused: int = 0
    settled: int = 0
    delivered: int = 0
    delivered_no_ack: int = 0
    got: int = 0
    got_no_ack: int = 0
    got_empty: int = 0
    redelivered: int = 0
    acked: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        """Adds what another counted, field by field."""
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            setattr(self, each.name, mine + theirs)

    @property
    def handed_out(self) -> int:
        return self.delivered + self.delivered_no_ack + self.got + self.got_no_ack

    def as_json(self) -> dict[str, int]:
        """RabbitMQ's names in `message_stats`; those that never happened are absent, as there."""
        shown = {
            "publish": self.accepted,
            "deliver": self.delivered,
            "deliver_no_ack": self.delivered_no_ack,
            "get": self.got,
            "get_no_ack": self.got_no_ack,
            "get_empty": self.got_empty,
            "deliver_get": self.handed_out,
            "redeliver": self.redelivered,
            "ack": self.acked,
        }
        return shown if any(shown.values()) else {}

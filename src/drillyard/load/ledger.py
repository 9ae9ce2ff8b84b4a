"""
What shoppers asked for and what they got, one row per attempt, kept as it happens.

Failures are kept apart by whose they are: a refusal by a rule of the shop, an error it answered, an answer that never
came, and a mistake of the script itself. Mixing them is how drills come to blame the shop for the test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class AttemptOutcome(Enum):
    """How one attempt to order ended."""

    OK = "ok"
    SLOW = "slow"
    """Answered 201, but later than the limit for slow."""
    HTTP_ERROR = "http_error"
    """The shop answered with an error, or with something that is no order."""
    TRANSPORT_ERROR = "transport_error"
    """No answer: refused, reset, or not within the limit. The order may exist nevertheless."""
    REFUSED_BY_RULE = "refused_by_rule"
    """406: the shop declined, as its rules say."""
    SCRIPT_ERROR = "script_error"
    """The script asked for something that the shop does not offer, or failed itself; says nothing about the shop."""

    @property
    def accepted(self) -> bool:
        """True when the shop answered with an order."""
        return self in (AttemptOutcome.OK, AttemptOutcome.SLOW)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """
    One attempt to order.

    `step` is the part of the journey that decided (`order` when it got that far). `expected_cents` is what the shopper
    worked out from the prices it saw, `total_cents` what the answer said. `order_id` comes from the answer, also from
    an error's text.
    """

    shopper: str
    number: int
    started_at: datetime
    ended_at: datetime
    took_s: float
    step: str
    outcome: AttemptOutcome
    http_status: int | None = None
    order_id: str | None = None
    item: str | None = None
    quantity: int | None = None
    expected_cents: int | None = None
    total_cents: int | None = None
    status_seen: str | None = None
    error: str | None = None


@dataclass
class ShopperLedger:
    """The rows in the order in which they ended. Handed in from outside, it outlives a cancelled run."""

    rows: list[Attempt] = field(default_factory=list)
    on_row: Callable[[Attempt], None] | None = None

    def add(self, attempt: Attempt) -> None:
        """Keeps the row first, then tells `on_row`."""
        self.rows.append(attempt)
        if self.on_row is not None:
            self.on_row(attempt)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Attempt]:
        return iter(self.rows)

    @property
    def accepted(self) -> list[Attempt]:
        """The attempts that the shop answered with an order."""
        return [row for row in self.rows if row.outcome.accepted]

    @property
    def order_ids(self) -> list[str]:
        """The orders that were answered 201, in that order."""
        return [row.order_id for row in self.accepted if row.order_id is not None]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many attempts ended how; every outcome is named, also with 0."""
        seen = Counter(row.outcome for row in self.rows)
        return {outcome.value: seen[outcome] for outcome in AttemptOutcome}

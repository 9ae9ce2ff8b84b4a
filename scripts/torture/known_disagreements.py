"""
Which disagreements the as-found shop is known for when a store or the broker is killed, and how each is recognised.

The same list stands in words in docs/known-disagreements.md. A disagreement is known only when its own traces are
there: the kill that causes it at the right time, and what the order itself shows. Anything else is a defect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from drillyard.load.ledger import Attempt
from drillyard.reconcile.disagreements import Disagreement, OrderClass

BREAKER_OPEN = timedelta(seconds=30)
IN_FLIGHT = timedelta(seconds=12)
"""A checkout that met a dead store ends within its waits: 5 s for a service, and as much for a connection."""


@dataclass(frozen=True)
class Kill:
    """One kill -9: of what, from when until when it was not Ready, and how many messages waited in the queue."""

    store: str
    at: datetime
    back_at: datetime
    waiting: int

    def touches(self, begun: datetime, ended: datetime, *, lasting: timedelta = timedelta()) -> bool:
        """Whether that span meets the time in which this kill was felt."""
        return begun <= self.back_at + lasting + IN_FLIGHT and ended >= self.at


@dataclass(frozen=True)
class Evidence:
    """All that is known of one order of which somebody disagrees."""

    order: Mapping[str, Any]
    history: Mapping[str, datetime]
    attempt: Attempt | None
    kills: Sequence[Kill]

    @property
    def begun(self) -> datetime:
        return self.attempt.started_at if self.attempt else min(self.history.values())

    @property
    def ended(self) -> datetime:
        """An error that names no order leaves its attempt unknown; the step that failed came after the last one."""
        return self.attempt.ended_at if self.attempt else max(self.history.values()) + IN_FLIGHT

    def killed(self, store: str, *, lasting: timedelta = timedelta()) -> Kill | None:
        """The kill of that store that this order met."""
        met = (one for one in self.kills if one.store == store)
        return next((one for one in met if one.touches(self.begun, self.ended, lasting=lasting)), None)


@dataclass(frozen=True)
class Known:
    """One entry: its name in the docs, the class it excuses, and how it is recognised (the kill, or None)."""

    name: str
    order_class: OrderClass
    cause: Callable[[Evidence, str], Kill | None]


def _sock_without_a_price(seen: Evidence, text: str) -> Kill | None:
    """The breaker's error became a row without id and price; shop and bank agree, the shopper expected more."""
    empty = any(item["itemId"] == "" and item["unitPrice"] == 0 for item in seen.order["items"])
    return seen.killed("catalogue-db", lasting=BREAKER_OPEN) if empty and text.startswith("the shopper") else None


def _queue_lost(seen: Evidence, text: str) -> Kill | None:
    """Paid before the broker was back: the message waited in the non-durable queue, or was never taken."""
    if "PAID" not in seen.history:
        return None
    before = [one for one in seen.kills if one.store == "rabbitmq" and seen.history["PAID"] <= one.back_at + IN_FLIGHT]
    return min(before, key=lambda one: one.at, default=None)


def _told_failed_by_shipping(seen: Evidence, text: str) -> Kill | None:
    """Paid, then shipping could not queue it: the order answers 500 and stays paid."""
    return seen.killed("rabbitmq")


def _told_failed_by_the_store(seen: Evidence, text: str) -> Kill | None:
    """A step after the payment could not be stored (or its commit was not heard of): 500, and paid."""
    return seen.killed("orders-db")


def _left_in_the_middle(seen: Evidence, text: str) -> Kill | None:
    """The step that would have ended the order could not be stored, and nobody takes it up again."""
    told_success = seen.attempt is not None and seen.attempt.outcome.accepted
    return None if told_success else seen.killed("orders-db")


def _shipped_and_lost(seen: Evidence, text: str) -> Kill | None:
    """SHIPPED was committed unheard, and the message that would have reported it again went with the queue."""
    return _queue_lost(seen, text) if any(one.store == "orders-db" for one in seen.kills) else None


KNOWN = (
    Known("socks without a price", OrderClass.AMOUNT_DISAGREES, _sock_without_a_price),
    Known("shipments lost with the queue", OrderClass.PAID_NOT_SHIPPED, _queue_lost),
    Known("paid, told failed by shipping", OrderClass.PAID_TOLD_FAILED, _told_failed_by_shipping),
    Known("paid, told failed by the store", OrderClass.PAID_TOLD_FAILED, _told_failed_by_the_store),
    Known("orders left in the middle", OrderClass.STUCK, _left_in_the_middle),
    Known("shipped, its report lost", OrderClass.SHIPPED_NOT_PROCESSED, _shipped_and_lost),
)


def explain(found: Disagreement, seen: Evidence) -> tuple[Known, Kill] | None:
    """The entry that this disagreement is, with the kill that caused it; None when the shop is not known for it."""
    for known in KNOWN:
        if known.order_class is found.order_class and (kill := known.cause(seen, found.text)) is not None:
            return known, kill
    return None

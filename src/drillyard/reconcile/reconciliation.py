"""
Compares what shoppers, shop, bank and queue consumer say, order by order, and accounts for every cent.

Each party keeps its own books and none of them is believed over the others; the bank alone knows about money, the
consumer alone about work done. The result has one row per order that anybody knows of, and names every disagreement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from drillyard.reconcile.disagreements import Disagreement, OrderClass
from drillyard.reconcile.judgement import Books, disagreements_of, has_money
from drillyard.reconcile.parties import (
    Asked,
    Charge,
    Refund,
    Stored,
    read_charges,
    read_orders,
    read_processed,
    read_refunds,
    read_shoppers,
)


@dataclass(frozen=True)
class OrderRow:
    """What each party says of one order; None where it says nothing, or was not asked. Money in cents."""

    order_id: str
    order_class: OrderClass
    shopper: str | None
    shopper_cents: int | None
    order_status: str | None
    order_cents: int | None
    charges: int | None
    charged_cents: int | None
    refunded_cents: int | None
    processed: int


@dataclass(frozen=True)
class Totals:
    """Sums in cents. `paid` is what the shop counts as paid or shipped; `held` is charged minus refunded."""

    accepted_cents: int
    paid_cents: int
    charged_cents: int | None
    refunded_cents: int | None
    held_cents: int | None
    processed_cents: int


@dataclass(frozen=True)
class Reconciliation:
    """One row per order, every disagreement, and the totals. `unnamed_attempts` got no answer that names an order."""

    rows: tuple[OrderRow, ...]
    disagreements: tuple[Disagreement, ...]
    totals: Totals
    unnamed_attempts: int = 0
    bank_asked: bool = True
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def agreed(self) -> bool:
        """True when nobody disagrees about anything."""
        return not self.disagreements

    def summary(self) -> str:
        """One line for people: how many orders agree, the money, and the gravest disagreement if there is one."""
        agreed = self.counts.get(OrderClass.AGREED.value, 0)
        text = f"{agreed} of {len(self.rows)} order(s) agreed"
        if self.totals.held_cents is not None:
            text += f", the bank holds {self.totals.held_cents / 100:.2f}"
        if self.disagreements:
            first, more = self.disagreements[0], len(self.disagreements) - 1
            text += f"; {first.order_class.value}: {first.order_id or 'no order'}: {first.text}"
            text += f" (and {more} more)" if more else ""
        return text

    def to_json(self) -> dict[str, Any]:
        """The shape of `evidence/reconciliation.json`: rows, disagreements, totals, counts per class (of the rows)."""
        return {
            "bank_asked": self.bank_asked,
            "unnamed_attempts": self.unnamed_attempts,
            "counts": dict(self.counts),
            "totals": dict(vars(self.totals)),
            "rows": [{**vars(row), "order_class": row.order_class.value} for row in self.rows],
            "disagreements": [
                {"order_id": one.order_id, "order_class": one.order_class.value, "text": one.text}
                for one in self.disagreements
            ],
        }


def reconcile(
    shoppers: Iterable[Mapping[str, Any]],
    orders: Iterable[Mapping[str, Any]],
    charges: Iterable[Mapping[str, Any]] | None,
    refunds: Iterable[Mapping[str, Any]] | None,
    shipments_processed: Mapping[str, int],
) -> Reconciliation:
    """
    Compares the parties' books.

    `shoppers`: rows of the shoppers' ledgers; an order that no shopper placed is compared without them. `orders`:
    entries of GET /orders. `charges`, `refunds`: objects of the bank's lists; None when there is no bank.
    `shipments_processed`: order id → how often the queue's consumer processed it. Raises DrillyardError for an entry
    that cannot be read.
    """
    asked = read_shoppers(shoppers)
    charged = None if charges is None else read_charges(charges)
    every = _books(asked, read_orders(orders), charged, read_processed(shipments_processed))

    found = [one for books in every for one in disagreements_of(books)]
    found += _unknown_charges(charged or [])
    if charged is not None and refunds is not None:
        found += _refund_disagreements(charged, read_refunds(refunds))
    found.sort(key=lambda one: one.order_class.gravity)  # Stable: the shop's order within a class.
    gravest = {one.order_id: one.order_class for one in reversed(found)}
    rows = tuple(_row(books, gravest.get(books.order_id, OrderClass.AGREED)) for books in every)
    return Reconciliation(
        rows=rows,
        disagreements=tuple(found),
        totals=_totals(every, charged),
        unnamed_attempts=sum(one.order_id is None for one in asked),
        bank_asked=charged is not None,
        counts=Counter(row.order_class.value for row in rows),
    )


def _books(
    asked: list[Asked], stored: list[Stored], charged: list[Charge] | None, processed: Mapping[str, int]
) -> list[Books]:
    """One entry per order that anybody knows of: the stored ones in the shop's order, then the others by id."""
    known = dict.fromkeys(one.order_id for one in stored)
    named = {one.order_id for one in asked if one.order_id} | {one.order_id for one in charged or () if one.order_id}
    known |= dict.fromkeys(sorted((named | {one for one, times in processed.items() if times}) - known.keys()))
    return [
        Books(
            order_id=order_id,
            asked=tuple(one for one in asked if one.order_id == order_id),
            stored=tuple(one for one in stored if one.order_id == order_id),
            charges=None if charged is None else tuple(one for one in charged if one.order_id == order_id),
            processed=processed.get(order_id, 0),
        )
        for order_id in known
    ]


def _row(books: Books, order_class: OrderClass) -> OrderRow:
    asked = books.asked[-1] if books.asked else None
    stored = books.stored[-1] if books.stored else None
    charges = books.charges
    return OrderRow(
        order_id=books.order_id,
        order_class=order_class,
        shopper=None if asked is None else f"{asked.http_status or 'no answer'} {asked.status_seen or ''}".strip(),
        shopper_cents=asked.cents if asked else None,
        order_status=stored.status if stored else None,
        order_cents=stored.cents if stored else None,
        charges=None if charges is None else sum(one.captured_cents > 0 for one in charges),
        charged_cents=None if charges is None else sum(one.captured_cents for one in charges),
        refunded_cents=None if charges is None else sum(one.refunded_cents for one in charges),
        processed=books.processed,
    )


def _unknown_charges(charged: list[Charge]) -> list[Disagreement]:
    return [
        Disagreement(None, OrderClass.UNKNOWN_CHARGE, f"{one.charge_id} took {one.captured_cents} cents for no order")
        for one in charged
        if one.order_id is None and one.captured_cents
    ]


def _refund_disagreements(charged: list[Charge], refunds: list[Refund]) -> list[Disagreement]:
    listed: Counter[str] = Counter()
    for refund in refunds:
        listed[refund.charge_id] += refund.cents
    known = {one.charge_id for one in charged}
    found = [
        Disagreement(
            one.order_id,
            OrderClass.REFUND_DISAGREES,
            f"{one.charge_id} says {one.refunded_cents} cents went back, its refunds say {listed[one.charge_id]}",
        )
        for one in charged
        if one.refunded_cents != listed[one.charge_id]
    ]
    return found + [
        Disagreement(
            None, OrderClass.REFUND_DISAGREES, f"{one.refund_id} gave {one.cents} cents back for no charge known"
        )
        for one in refunds
        if one.charge_id not in known
    ]


def _totals(every: list[Books], charged: list[Charge] | None) -> Totals:
    charged_cents = None if charged is None else sum(one.captured_cents for one in charged)
    refunded_cents = None if charged is None else sum(one.refunded_cents for one in charged)
    return Totals(
        accepted_cents=sum(one.cents or 0 for books in every for one in books.asked if one.accepted),
        paid_cents=sum(books.stored[-1].cents for books in every if has_money(books)),
        charged_cents=charged_cents,
        refunded_cents=refunded_cents,
        held_cents=None if charged_cents is None or refunded_cents is None else charged_cents - refunded_cents,
        processed_cents=sum(books.stored[-1].cents for books in every if books.stored and books.processed),
    )

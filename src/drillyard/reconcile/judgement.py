"""
Judges one order's books: every way in which the parties disagree about it.

Each rule looks at two parties at most and says what both say, so that a reader can check it without this code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drillyard.reconcile.disagreements import Disagreement, OrderClass
from drillyard.reconcile.parties import Asked, Charge, Stored

PAID = {"PAID", "SHIPPED"}
UNFINISHED = {"CREATED", "PENDING", "PAYMENT_PENDING"}
FAILED = {"PAYMENT_FAILED", "REFUNDED"}
_AHEAD = ("CREATED", "PENDING", "PAYMENT_PENDING", "PAID", "SHIPPED")


@dataclass(frozen=True)
class Books:
    """All that is written about one order. `charges` is None when the bank was not asked."""

    order_id: str
    asked: tuple[Asked, ...]
    stored: tuple[Stored, ...]
    charges: tuple[Charge, ...] | None
    processed: int


def has_money(books: Books) -> bool:
    """True when the shop says that this order is paid."""
    return bool(books.stored) and books.stored[-1].status in PAID


def disagreements_of(books: Books) -> Iterator[Disagreement]:
    """Every disagreement about this order, in no particular order."""
    for rule in (_existence, _repetition, _money, _shipment, _status, _amount):
        for order_class, text in rule(books):
            yield Disagreement(books.order_id, order_class, text)


Found = Iterator[tuple[OrderClass, str]]


def _existence(books: Books) -> Found:
    if books.stored:
        return
    held = _held_cents(books)
    if held:
        yield OrderClass.CHARGED_NOT_ORDERED, f"the bank holds {_dollars(held)}, the shop stores no such order"
    if any(one.accepted for one in books.asked):
        yield OrderClass.ORDER_MISSING, "a shopper was answered 201, the shop stores no such order"
    if books.processed:
        yield OrderClass.SHIPPED_NOT_PAID, f"processed {_times(books)}, the shop stores no such order"


def _repetition(books: Books) -> Found:
    if books.processed > 1:
        yield OrderClass.SHIPPED_TWICE, f"processed {_times(books)}"
    if len(books.stored) > 1:
        yield OrderClass.STORED_TWICE, f"the shop lists it {len(books.stored)} times"
    answered = sum(one.accepted for one in books.asked)
    if answered > 1:
        yield OrderClass.ANSWERED_TWICE, f"{answered} attempts were answered with it"
    holding = sum(one.net_cents > 0 for one in books.charges or ())
    if holding > 1:
        yield OrderClass.CHARGED_TWICE, f"{holding} charges hold {_dollars(_held_cents(books))} together"


def _money(books: Books) -> Found:
    if not books.stored or books.charges is None:
        return
    status, held = books.stored[-1].status, _held_cents(books)
    if status in FAILED and held:
        yield OrderClass.CHARGED_ORDER_FAILED, f"the order is {status}, the bank holds {_dollars(held)}"
    if status in PAID and not held:
        yield OrderClass.PAID_NOT_CHARGED, f"the order is {status}, the bank holds nothing"


def _shipment(books: Books) -> Found:
    if not books.stored:
        return
    status = books.stored[-1].status
    if status == "PAID" and not books.processed:
        yield OrderClass.PAID_NOT_SHIPPED, "the order is PAID, nobody processed it"
    if status == "SHIPPED" and not books.processed:
        yield OrderClass.SHIPPED_NOT_PROCESSED, "the order is SHIPPED, nobody processed it"
    if status not in PAID and books.processed:
        yield OrderClass.SHIPPED_NOT_PAID, f"processed {_times(books)}, the order is {status}"


def _status(books: Books) -> Found:
    if not books.stored:
        return
    status = books.stored[-1].status
    if status in UNFINISHED:
        held = _held_cents(books)
        yield OrderClass.STUCK, f"the order stayed {status}" + (f", the bank holds {_dollars(held)}" if held else "")
    elif status not in PAID | FAILED:
        yield OrderClass.STATUS_DISAGREES, f"the shop stores the status {status!r}, which no order can have"
    if status == "PAID" and books.processed:
        yield OrderClass.STATUS_DISAGREES, f"processed {_times(books)}, the order is still PAID"
    for one in books.asked:
        if one.accepted and one.status_seen is not None and not _may_become(one.status_seen, status):
            yield OrderClass.STATUS_DISAGREES, f"a shopper was answered {one.status_seen}, the order is {status}"
        if not one.accepted and status in PAID:
            told = one.http_status or "no answer"
            yield OrderClass.PAID_TOLD_FAILED, f"a shopper was told {told}, the order is {status}"


def _amount(books: Books) -> Found:
    if not books.stored:
        return
    cents = books.stored[-1].cents
    for asked in books.asked:
        if asked.accepted and asked.cents is not None and asked.cents != cents:
            yield (
                OrderClass.AMOUNT_DISAGREES,
                f"the shopper expected {_dollars(asked.cents)}, the order says {_dollars(cents)}",
            )
    for charge in books.charges or ():
        if charge.captured_cents and charge.captured_cents != cents:
            yield (
                OrderClass.AMOUNT_DISAGREES,
                f"charge {charge.charge_id} took {_dollars(charge.captured_cents)}, the order says {_dollars(cents)}",
            )


def _held_cents(books: Books) -> int:
    return sum(charge.net_cents for charge in books.charges or ())


def _dollars(cents: int) -> str:
    return f"${cents / 100:,.2f}"


def _times(books: Books) -> str:
    return {1: "once", 2: "twice"}.get(books.processed, f"{books.processed} times")


def _may_become(seen: str, now: str) -> bool:
    """Whether an order that was once seen as `seen` may be `now` later: forward, or refunded after it was paid."""
    if seen == now or (now == "REFUNDED" and seen in PAID):
        return True
    if seen in _AHEAD and now in _AHEAD:
        return _AHEAD.index(seen) <= _AHEAD.index(now)
    return now == "PAYMENT_FAILED" and seen in UNFINISHED

"""
What each party says of the orders, brought into one shape: read from the answers they gave, in integer cents.

Nothing is dropped silently: an entry that cannot be read stops the reconciliation with a sentence, because an order
left out of a comparison looks exactly like an order that agrees.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.record.plain import mask

ACCEPTED = {"ok", "slow"}


@dataclass(frozen=True)
class Asked:
    """A shopper's row: what it was answered. `order_id` is None when no answer named one."""

    order_id: str | None
    accepted: bool
    outcome: str
    http_status: int | None
    status_seen: str | None
    cents: int | None


@dataclass(frozen=True)
class Stored:
    """An order as the shop stores it."""

    order_id: str
    status: str
    cents: int


@dataclass(frozen=True)
class Charge:
    """Money the bank took. `captured_cents` is 0 for a charge that failed or was only authorised."""

    charge_id: str
    order_id: str | None
    captured_cents: int
    refunded_cents: int

    @property
    def net_cents(self) -> int:
        return self.captured_cents - self.refunded_cents


@dataclass(frozen=True)
class Refund:
    """Money the bank gave back; `cents` is 0 for a refund that failed or was cancelled."""

    refund_id: str
    charge_id: str
    cents: int


def read_shoppers(rows: Iterable[Mapping[str, Any]]) -> list[Asked]:
    """From a shopper ledger's rows (`drillyard.load.Attempt` as JSON). Raises DrillyardError."""
    return [_read("row of a shopper", row, _asked) for row in rows]


def read_orders(entries: Iterable[Mapping[str, Any]]) -> list[Stored]:
    """From the entries of GET /orders (HAL): `id` (or the self link), `status`, `total`. Raises DrillyardError."""
    return [_read("order", entry, _stored) for entry in entries]


def read_charges(charges: Iterable[Mapping[str, Any]]) -> list[Charge]:
    """
    From the objects of GET /v1/charges (Stripe's Charge), order in `metadata.order_id`. Raises DrillyardError.

    A charge that pages of the list show twice is one charge.
    """
    return list({one.charge_id: one for one in (_read("charge", charge, _charge) for charge in charges)}.values())


def read_refunds(refunds: Iterable[Mapping[str, Any]]) -> list[Refund]:
    """From the objects of GET /v1/refunds (Stripe's Refund), each once. Raises DrillyardError."""
    return list({one.refund_id: one for one in (_read("refund", refund, _refund) for refund in refunds)}.values())


def read_processed(counts: Mapping[str, Any]) -> dict[str, int]:
    """How often each order id was processed by the queue's consumer. Raises DrillyardError for what is no count."""
    return {str(order_id): _read("processed count", count, _count) for order_id, count in counts.items()}


def _read(what: str, data: Any, read: Any) -> Any:
    try:
        return read(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason, shown = f"{type(error).__name__}: {error}", mask(repr(data))[:300]
        raise DrillyardError(f"Cannot reconcile: a {what} has not the shape expected ({reason}): {shown}") from error


def _asked(row: Mapping[str, Any]) -> Asked:
    outcome = str(row["outcome"])
    total, expected = row.get("total_cents"), row.get("expected_cents")
    return Asked(
        order_id=_text_or_none(row.get("order_id")),
        accepted=outcome in ACCEPTED,
        outcome=outcome,
        http_status=row.get("http_status"),
        status_seen=row.get("status_seen"),
        # Rather what the shopper worked out from the prices it saw: the answer's total is the shop's word again.
        cents=_count(expected) if expected is not None else None if total is None else _count(total),
    )


def _stored(entry: Mapping[str, Any]) -> Stored:
    order_id = _text_or_none(entry.get("id")) or entry["_links"]["self"]["href"].rstrip("/").rpartition("/")[2]
    if not order_id:
        raise ValueError("an order without an id")
    status, total = entry["status"], entry["total"]
    if not isinstance(status, str):
        raise TypeError("a status that is no text")
    if isinstance(total, bool) or not math.isfinite(total):
        raise ValueError("a total that is no number")
    return Stored(order_id, status, round(total * 100))


def _charge(charge: Mapping[str, Any]) -> Charge:
    taken = charge["status"] == "succeeded" and bool(charge.get("captured", True))
    captured = charge.get("amount_captured")
    cents = _count(charge["amount"] if captured is None else captured) if taken else 0
    refunded = charge.get("amount_refunded")
    if refunded is None:
        refunded = cents if charge.get("refunded") else 0
    order_id = _text_or_none((charge.get("metadata") or {}).get("order_id"))
    return Charge(str(charge["id"]), order_id, cents, _count(refunded) if taken else 0)


def _refund(refund: Mapping[str, Any]) -> Refund:
    given = refund.get("status", "succeeded") in ("succeeded", "pending")
    charge_id = _text_or_none(refund["charge"])
    if charge_id is None:
        raise ValueError("a refund without a charge")
    return Refund(str(refund["id"]), charge_id, _count(refund["amount"]) if given else 0)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no whole number from 0")
    return value


def _text_or_none(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value

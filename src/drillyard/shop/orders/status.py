"""
An order's status and the only ways in which it may change.

CREATED → PENDING → PAID → SHIPPED, or PENDING → PAYMENT_FAILED. A failed order may still become PAID: that is how a
person puts right an order whose money was taken after all. Nothing else is allowed.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """As stored, served and logged."""

    CREATED = "CREATED"
    PENDING = "PENDING"
    PAID = "PAID"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    SHIPPED = "SHIPPED"


_NEXT: dict[Status, frozenset[Status]] = {
    Status.CREATED: frozenset({Status.PENDING}),
    Status.PENDING: frozenset({Status.PAID, Status.PAYMENT_FAILED}),
    Status.PAID: frozenset({Status.SHIPPED}),
    Status.PAYMENT_FAILED: frozenset({Status.PAID}),
    Status.SHIPPED: frozenset(),
}


class IllegalTransition(Exception):
    """The order is in a status from which the wanted one cannot be reached."""

    def __init__(self, order_id: str, current: Status, wanted: Status) -> None:
        super().__init__(f"Order {order_id} is {current} and cannot become {wanted}")


def may_become(current: Status, wanted: Status) -> bool:
    """Whether the one may directly follow the other."""
    return wanted in _NEXT[current]

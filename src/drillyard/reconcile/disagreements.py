"""
The ways in which two parties can disagree about an order: a closed list, the gravest first.

The order of the list decides which class an order's row carries when it has several; every one is listed all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class OrderClass(Enum):
    """What is wrong with an order, the gravest first; AGREED when nothing is."""

    UNKNOWN_CHARGE = "unknown_charge"
    """The bank took money and the charge names no order."""
    CHARGED_NOT_ORDERED = "charged_not_ordered"
    """The bank took money for an order that the shop does not store."""
    ORDER_MISSING = "order_missing"
    """A shopper was answered 201 for an order that the shop does not store."""
    CHARGED_TWICE = "charged_twice"
    """Two or more charges of one order still hold money."""
    CHARGED_ORDER_FAILED = "charged_order_failed"
    """The order failed (or was refunded, says the shop), and the bank still holds the money."""
    SHIPPED_TWICE = "shipped_twice"
    """The queue's consumer processed the order more than once."""
    SHIPPED_NOT_PAID = "shipped_not_paid"
    """The order was processed, though it is not paid, or not stored."""
    PAID_NOT_CHARGED = "paid_not_charged"
    """The shop says paid, and the bank holds no money."""
    PAID_NOT_SHIPPED = "paid_not_shipped"
    """The order is paid, and nobody processed it."""
    SHIPPED_NOT_PROCESSED = "shipped_not_processed"
    """The shop says SHIPPED, and the queue's consumer never processed it."""
    STATUS_DISAGREES = "status_disagrees"
    """The shop's status is not what another party saw."""
    AMOUNT_DISAGREES = "amount_disagrees"
    """Shopper, shop and bank do not name the same amount."""
    REFUND_DISAGREES = "refund_disagrees"
    """A charge and the list of refunds do not tell the same, or a refund belongs to no charge."""
    PAID_TOLD_FAILED = "paid_told_failed"
    """The customer was told that it failed, and the order is paid."""
    STUCK = "stuck"
    """The order never reached an end: CREATED, PENDING or PAYMENT_PENDING."""
    STORED_TWICE = "stored_twice"
    """The shop lists the order more than once."""
    ANSWERED_TWICE = "answered_twice"
    """Two attempts to order were answered with the same order."""
    AGREED = "agreed"
    """Everybody says the same."""

    @property
    def words(self) -> str:
        """For people: `charged, but the order failed`."""
        return _WORDS.get(self) or self.value.replace("_", " ")

    @property
    def gravity(self) -> int:
        """0 for the gravest."""
        return list(OrderClass).index(self)


_WORDS = {
    OrderClass.UNKNOWN_CHARGE: "money taken for no known order",
    OrderClass.CHARGED_NOT_ORDERED: "charged, but there is no such order",
    OrderClass.ORDER_MISSING: "promised, but there is no such order",
    OrderClass.CHARGED_ORDER_FAILED: "charged, but the order failed",
    OrderClass.SHIPPED_NOT_PAID: "shipped, but not paid",
    OrderClass.PAID_NOT_CHARGED: "paid, but not charged",
    OrderClass.PAID_NOT_SHIPPED: "paid, but not shipped",
    OrderClass.SHIPPED_NOT_PROCESSED: "called shipped, but nobody shipped it",
    OrderClass.STATUS_DISAGREES: "the statuses disagree",
    OrderClass.AMOUNT_DISAGREES: "the amounts disagree",
    OrderClass.REFUND_DISAGREES: "the refunds disagree",
    OrderClass.PAID_TOLD_FAILED: "paid, but the customer was told that it failed",
    OrderClass.STUCK: "stuck half-way",
}


@dataclass(frozen=True)
class Disagreement:
    """One disagreement. `order_id` is None for money or a refund that names no order; `text` says who says what."""

    order_id: str | None
    order_class: OrderClass
    text: str

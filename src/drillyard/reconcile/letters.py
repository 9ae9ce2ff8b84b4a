"""
What a customer is written about an order: only what the ledgers say, in words that a customer can act on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drillyard.reconcile.remedies import DECLINED_BY_RULE, Action, Remedy

_NEWS = {
    Action.FULFIL: (
        "Your order is on its way",
        "While our payment service was disturbed, your card was charged {money} and our shop told you that the order "
        "had failed. That was wrong: your payment arrived once, and your order is being shipped now. "
        "You need not do anything, and please do not order again.",
    ),
    Action.REFUND: (
        "Your money comes back",
        "While our payment service was disturbed, your card was charged {money} for an order that will not be "
        "shipped. We have given {money} back to the same card. If you still want the socks, please order again.",
    ),
    Action.SHIP: (
        "Your order was delayed",
        "Your order over {money} was paid, and its way to our warehouse was interrupted. It is being shipped now. "
        "You need not do anything.",
    ),
    Action.FAIL: (
        "Your order did not go through",
        "Your order was not completed, and no money was taken from your card. Please order again.",
    ),
    Action.NOTIFY: (
        "Your order did not go through",
        "Payment for your order failed, and no money was taken from your card. Please order again.",
    ),
}
_DECLINED = (
    "Your order was declined",
    "Your order over {total} is above the amount that we accept in one payment, and no money was taken from your card. "
    "Please order in two parts.",
)


def letter(remedy: Remedy, order: Mapping[str, Any] | None) -> str | None:
    """Markdown, or None where the customer need not (or cannot) be told. `order` is its entry in GET /orders."""
    if remedy.action not in _NEWS or order is None:
        return None
    subject, text = _DECLINED if remedy.case == DECLINED_BY_RULE else _NEWS[remedy.action]
    customer = order.get("customer") or {}
    name = " ".join(str(customer.get(key) or "") for key in ("firstName", "lastName")).strip()
    total = float(order.get("total") or 0)
    body = text.format(money=f"${remedy.cents / 100:.2f}", total=f"${total:.2f}")
    return (
        f"# {subject}\n\n"
        f"To: {name or 'customer'} ({customer.get('username') or order.get('customerId')})  \n"
        f"Order: {remedy.order_id}, placed {order.get('date')}\n\n"
        f"{body}\n\nWe are sorry.\n"
    )

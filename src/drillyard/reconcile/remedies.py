"""
What is to be done about each order that is not as it should be: the document's manual remediation (Incident 3, step 5)
as a pure function of what the parties say.

If the money was captured, the order is marked PAID and fulfilled, or the money goes back; if it was not, the customer
is told. Where the parties alone cannot decide (goods are out, and nobody paid), a person is asked to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from drillyard.reconcile.disagreements import OrderClass
from drillyard.reconcile.judgement import UNFINISHED
from drillyard.reconcile.parties import Charge, read_charges
from drillyard.reconcile.reconciliation import OrderRow, Reconciliation


class Action(Enum):
    """What is done about an order."""

    FULFIL = "fulfil"
    """Mark it PAID, and hand it to shipping."""
    REFUND = "refund"
    """Give the money back, and tell the customer."""
    SHIP = "ship"
    """Hand it to shipping again: it is paid, and its message is gone."""
    FAIL = "fail"
    """Mark it PAYMENT_FAILED: no money was taken, and nothing will come. Tell the customer."""
    NOTIFY = "notify"
    """Tell the customer that it failed and that no money was taken."""
    WAIT = "wait"
    """Nothing yet: it is on its way, and its message waits in the queue."""
    LOOK = "look"
    """A person has to decide."""


@dataclass(frozen=True)
class Remedy:
    """What is to be done about one order. `charges` are those to be refunded; `case` names what is wrong."""

    order_id: str | None
    case: str
    action: Action
    cents: int
    text: str
    charges: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The row of `drill reconcile --json` and of its CSV."""
        return {
            "order_id": self.order_id,
            "case": self.case,
            "action": self.action.value,
            "cents": self.cents,
            "charges": list(self.charges),
            "text": self.text,
        }


@dataclass(frozen=True)
class Policy:
    """
    How to decide.

    `captured`: what becomes of a failed order whose money was taken, FULFIL or REFUND. `limit_cents` is payment's own
    limit (None: it has none). `queued` is how many messages the queue holds; an order younger than `settle_s` seconds
    is under way. `told` are the orders whose customers were notified already.
    """

    now: datetime
    captured: Action = Action.FULFIL
    limit_cents: int | None = None
    queued: int = 0
    settle_s: float = 15.0
    told: frozenset[str] = field(default_factory=frozenset)


DECLINED_BY_RULE = "declined_by_rule"
REJECTED = "rejected"

_BACK = {OrderClass.UNKNOWN_CHARGE, OrderClass.CHARGED_NOT_ORDERED, OrderClass.CHARGED_TWICE}
_LOOK = {
    OrderClass.ORDER_MISSING: "tell the customer; the shop has lost the order",
    OrderClass.SHIPPED_TWICE: "ask the customer to send one parcel back",
    OrderClass.SHIPPED_NOT_PAID: "ask for the money, or for the goods",
    OrderClass.PAID_NOT_CHARGED: "charge it, or write it off",
    OrderClass.SHIPPED_NOT_PROCESSED: "ask the warehouse whether it went out",
    OrderClass.STATUS_DISAGREES: "correct the status by hand",
    OrderClass.AMOUNT_DISAGREES: "compare the order's items with the price list, and settle the difference",
    OrderClass.REFUND_DISAGREES: "ask the bank",
    OrderClass.STORED_TWICE: "strike one of the two out",
}


def remedies(
    found: Reconciliation,
    orders: Iterable[Mapping[str, Any]],
    charges: Iterable[Mapping[str, Any]],
    policy: Policy,
) -> list[Remedy]:
    """One remedy for each order (or charge without an order) that needs one, in the shop's order."""
    begun = {order["id"]: _date(order["date"]) for order in orders}
    held = [charge for charge in read_charges(charges) if charge.net_cents > 0]
    made = []
    for row in found.rows:
        mine = [charge for charge in held if charge.order_id == row.order_id]
        young = row.order_id in begun and begun[row.order_id] > policy.now - timedelta(seconds=policy.settle_s)
        made.append(_remedy(row, mine, young, policy))
    for charge in held:
        if charge.order_id is None:
            text = f"charge {charge.charge_id} belongs to no order"
            case = OrderClass.UNKNOWN_CHARGE.value
            made.append(Remedy(None, case, Action.REFUND, charge.net_cents, text, (charge.charge_id,)))
    return [remedy for remedy in made if remedy is not None]


def _remedy(row: OrderRow, held: list[Charge], young: bool, policy: Policy) -> Remedy | None:
    what, cents = row.order_class, sum(charge.net_cents for charge in held)

    def say(action: Action, text: str, *, case: str = what.value, back: list[Charge] | None = None) -> Remedy:
        money = sum(charge.net_cents for charge in back) if back is not None else cents
        return Remedy(row.order_id, case, action, money, text, tuple(charge.charge_id for charge in back or ()))

    if what in _BACK:
        back = sorted(held, key=lambda charge: charge.charge_id)
        back = back[1:] if what is OrderClass.CHARGED_TWICE else back
        return say(Action.REFUND, "the bank took money that no order is owed for", back=back)
    if young and row.order_status in UNFINISHED | {"PAID"}:
        return say(Action.WAIT, f"the order is {row.order_status} and younger than {policy.settle_s:g} s")
    if what is OrderClass.CHARGED_ORDER_FAILED or (what is OrderClass.STUCK and held):
        status = "failed" if what is OrderClass.CHARGED_ORDER_FAILED else f"stayed {row.order_status}"
        text = f"the order {status}, and the money was captured"
        if policy.captured is Action.REFUND and what is OrderClass.CHARGED_ORDER_FAILED:
            return say(Action.REFUND, text, back=held)
        return say(Action.FULFIL, text)
    if what is OrderClass.STUCK:
        return say(Action.FAIL, f"the order stayed {row.order_status}, and no money was taken")
    if what is OrderClass.PAID_NOT_SHIPPED:
        if policy.queued:
            return say(Action.WAIT, f"paid; {policy.queued} message(s) wait in the queue: bring its consumer back")
        return say(Action.SHIP, "paid, and its message is on no queue any more")
    if what in _LOOK:
        return say(Action.LOOK, _LOOK[what])
    if row.order_status == "PAYMENT_FAILED" and not held and row.order_id not in policy.told and not row.refunded_cents:
        declined = policy.limit_cents is not None and (row.order_cents or 0) > policy.limit_cents
        reason = "payment's limit declined it" if declined else "payment failed"
        return say(Action.NOTIFY, f"{reason}; no money was taken", case=DECLINED_BY_RULE if declined else REJECTED)
    return None


def _date(text: str) -> datetime:
    """An order's own date, `2025-10-28T10:04:42.603+0000`."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")

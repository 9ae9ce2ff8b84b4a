"""What is to be done about an order, as a function of what the parties say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.reconcile import reconcile
from drillyard.reconcile.letters import letter
from drillyard.reconcile.remedies import Action, Policy, Remedy, remedies

LONG_AGO, JUST_NOW = "2025-10-28T10:04:42.603+0000", "2025-10-28T11:59:59.000+0000"
POLICY = Policy(now=datetime(2025, 10, 28, 12, 0, tzinfo=UTC), limit_cents=10_500)


def order(status: str, *, cents: int = 1999, date: str = LONG_AGO, id: str = "o1") -> dict[str, Any]:
    customer = {"firstName": "Eve", "lastName": "Berger", "username": "Eve_Berger"}
    return {
        "id": id, "status": status, "total": cents / 100, "date": date, "customer": customer, "customerId": "c1"
    }  # fmt: skip


def charge(*, cents: int = 1999, order_id: str | None = "o1", refunded: int = 0, id: str = "ch_1") -> dict[str, Any]:
    return {
        "id": id, "status": "succeeded", "captured": True, "amount": cents, "amount_captured": cents,
        "amount_refunded": refunded, "metadata": {"order_id": order_id} if order_id else {},
    }  # fmt: skip


def wanted(
    orders: list[dict[str, Any]],
    charges: list[dict[str, Any]],
    processed: dict[str, int] | None = None,
    policy: Policy = POLICY,
) -> list[Remedy]:
    return remedies(reconcile([], orders, charges, None, processed or {}), orders, charges, policy)


# What the shop stores, what the bank holds, how often it was processed, what is to be done, and by which name.
CASES: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]], dict[str, int], str | None, str]] = [
    ("shipped and charged", [order("SHIPPED")], [charge()], {"o1": 1}, None, ""),
    ("failed and charged", [order("PAYMENT_FAILED")], [charge()], {}, "fulfil", "charged_order_failed"),
    ("failed and refunded", [order("PAYMENT_FAILED")], [charge(refunded=1999)], {}, None, ""),
    ("failed and not charged", [order("PAYMENT_FAILED")], [], {}, "notify", "rejected"),
    ("over the limit", [order("PAYMENT_FAILED", cents=10_501)], [], {}, "notify", "declined_by_rule"),
    ("paid, its message gone", [order("PAID")], [charge()], {}, "ship", "paid_not_shipped"),
    ("pending for long, charged", [order("PENDING")], [charge()], {}, "fulfil", "stuck"),
    ("pending for long, not charged", [order("PENDING")], [], {}, "fail", "stuck"),
    ("pending, a second old", [order("PENDING", date=JUST_NOW)], [], {}, "wait", "stuck"),
    ("paid, a second old", [order("PAID", date=JUST_NOW)], [charge()], {}, "wait", "paid_not_shipped"),
    ("no such order", [], [charge()], {}, "refund", "charged_not_ordered"),
    ("money for no order", [], [charge(order_id=None)], {}, "refund", "unknown_charge"),
    ("charged twice", [order("SHIPPED")], [charge(), charge(id="ch_2")], {"o1": 1}, "refund", "charged_twice"),
    ("shipped twice", [order("SHIPPED")], [charge()], {"o1": 2}, "look", "shipped_twice"),
    ("shipped, nobody paid", [order("SHIPPED")], [], {"o1": 1}, "look", "paid_not_charged"),
]


@pytest.mark.parametrize(
    ("orders", "charges", "processed", "action", "case"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_each_case_has_its_remedy(
    orders: list[dict[str, Any]],
    charges: list[dict[str, Any]],
    processed: dict[str, int],
    action: str | None,
    case: str,
) -> None:
    found = wanted(orders, charges, processed)

    assert [(one.action.value, one.case) for one in found] == ([(action, case)] if action else [])


def test_the_money_may_go_back_instead() -> None:
    [found] = wanted([order("PAYMENT_FAILED")], [charge()], policy=replace(POLICY, captured=Action.REFUND))

    assert (found.action, found.charges, found.cents) == (Action.REFUND, ("ch_1",), 1999)


def test_of_two_charges_one_stays() -> None:
    [found] = wanted([order("SHIPPED")], [charge(id="ch_2"), charge(id="ch_1")], {"o1": 1})

    assert (found.charges, found.cents) == (("ch_2",), 1999)


def test_what_waits_in_the_queue_is_not_sent_again() -> None:
    [found] = wanted([order("PAID")], [charge()], policy=replace(POLICY, queued=1))

    assert (found.action, "bring its consumer back" in found.text) == (Action.WAIT, True)


def test_a_customer_is_told_once() -> None:
    assert wanted([order("PAYMENT_FAILED")], [], policy=replace(POLICY, told=frozenset({"o1"}))) == []


statuses = st.sampled_from(["CREATED", "PENDING", "PAID", "PAYMENT_FAILED", "SHIPPED"])


@given(statuses, st.integers(0, 2), st.booleans(), st.integers(0, 2), st.sampled_from([Action.FULFIL, Action.REFUND]))
def test_never_more_than_one_remedy_and_never_goods_without_money(
    status: str, charges: int, refunded: bool, processed: int, captured: Action
) -> None:
    money = [charge(id=f"ch_{n}", refunded=1999 if refunded else 0) for n in range(charges)]
    found = wanted([order(status)], money, {"o1": processed}, replace(POLICY, captured=captured))

    assert len(found) <= 1
    held = sum(one["amount"] - one["amount_refunded"] for one in money)
    for remedy in found:
        assert remedy.action not in (Action.FULFIL, Action.SHIP) or held > 0
        assert remedy.action is not Action.SHIP or processed == 0
        assert remedy.action is not Action.NOTIFY or held == 0
        assert remedy.action is not Action.REFUND or set(remedy.charges) <= {one["id"] for one in money}


@pytest.mark.parametrize(
    ("orders", "charges", "sentence"),
    [
        ([order("PAYMENT_FAILED")], [charge()], "your card was charged $19.99"),
        ([order("PAYMENT_FAILED")], [], "no money was taken from your card. Please order again"),
        ([order("PAYMENT_FAILED", cents=12_345)], [], "over $123.45 is above the amount"),
        ([order("PAID")], [charge()], "It is being shipped now"),
    ],
)
def test_a_letter_says_what_the_ledgers_say(
    orders: list[dict[str, Any]], charges: list[dict[str, Any]], sentence: str
) -> None:
    [found] = wanted(orders, charges)

    text = letter(found, orders[0])
    assert text is not None
    assert "To: Eve Berger (Eve_Berger)" in text and "Order: o1, placed 2025-10-28" in text
    assert sentence in text


def test_nobody_is_written_about_what_a_person_has_to_decide() -> None:
    [found] = wanted([order("SHIPPED")], [], {"o1": 1})

    assert letter(found, order("SHIPPED")) is None

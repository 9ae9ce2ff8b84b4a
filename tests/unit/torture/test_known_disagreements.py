"""
A disagreement is known only with the kill that causes it and the traces it leaves; else it is a defect.
"""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from drillyard.load.ledger import Attempt, AttemptOutcome
from drillyard.reconcile.disagreements import Disagreement, OrderClass

REPOSITORY = Path(__file__).parents[3]
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("known", REPOSITORY / "scripts/torture/known_disagreements.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["known"] = module  # Its dataclasses look themselves up.
    spec.loader.exec_module(module)
    return module


known = _load()


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def evidence(store: str, *, killed_s: float = 0, accepted: bool = False, price: float = 15.0, **paid: float) -> Any:
    """An order of 10 s before noon to noon, and one kill that took 2 s."""
    attempt = Attempt(
        shopper="a",
        number=1,
        started_at=at(-10),
        ended_at=at(0),
        took_s=10,
        step="order",
        outcome=AttemptOutcome.OK if accepted else AttemptOutcome.HTTP_ERROR,
    )
    order = {"items": [{"itemId": "" if price == 0 else "x", "unitPrice": price}]}
    history = {"CREATED": at(-2), **{status: at(when) for status, when in paid.items()}}
    kill = known.Kill(store, at(killed_s), at(killed_s + 2), 3)
    return known.Evidence(order, history, attempt, [kill])


def named(order_class: OrderClass, seen: Any, text: str = "") -> str | None:
    explained = known.explain(Disagreement("o", order_class, text), seen)
    return None if explained is None else str(explained[0].name)


def test_each_entry_is_recognised_by_its_own_traces() -> None:
    wrong_price = "the shopper expected 1999 cents, the order says 499"
    assert named(OrderClass.AMOUNT_DISAGREES, evidence("catalogue-db", price=0), wrong_price) == "socks without a price"
    assert named(OrderClass.PAID_NOT_SHIPPED, evidence("rabbitmq", PAID=-1)) == "shipments lost with the queue"
    assert named(OrderClass.PAID_TOLD_FAILED, evidence("rabbitmq", PAID=-1)) == "paid, told failed by shipping"
    assert named(OrderClass.PAID_TOLD_FAILED, evidence("orders-db", PAID=-1)) == "paid, told failed by the store"
    assert named(OrderClass.STUCK, evidence("orders-db")) == "orders left in the middle"


@pytest.mark.parametrize(
    ("order_class", "seen", "text"),
    [
        (OrderClass.AMOUNT_DISAGREES, evidence("catalogue-db"), "the shopper expected 1999 cents"),  # It has its price.
        (OrderClass.AMOUNT_DISAGREES, evidence("catalogue-db", price=0), "charge ch_1 took 1999 cents"),  # Money.
        (OrderClass.AMOUNT_DISAGREES, evidence("catalogue-db", price=0, killed_s=60), "the shopper expected"),
        (OrderClass.PAID_NOT_SHIPPED, evidence("rabbitmq", PAID=60), ""),  # Paid long after the broker was back.
        (OrderClass.PAID_NOT_SHIPPED, evidence("user-db", PAID=-1), ""),
        (OrderClass.STUCK, evidence("orders-db", accepted=True), ""),  # The shopper was told that it is paid.
        (OrderClass.STUCK, evidence("orders-db", killed_s=60), ""),
        (OrderClass.PAID_TOLD_FAILED, evidence("carts-db", PAID=-1), ""),
    ],
)
def test_without_them_it_is_a_defect(order_class: OrderClass, seen: Any, text: str) -> None:
    assert named(order_class, seen, text) is None


@pytest.mark.parametrize("store", ["catalogue-db", "carts-db", "orders-db", "user-db", "session-db", "rabbitmq"])
def test_wrong_money_is_never_known(store: str) -> None:
    never = {
        OrderClass.UNKNOWN_CHARGE,
        OrderClass.CHARGED_NOT_ORDERED,
        OrderClass.ORDER_MISSING,
        OrderClass.CHARGED_TWICE,
        OrderClass.CHARGED_ORDER_FAILED,
        OrderClass.SHIPPED_TWICE,
        OrderClass.SHIPPED_NOT_PAID,
        OrderClass.PAID_NOT_CHARGED,
    }
    assert [one for one in never if named(one, evidence(store, PAID=-1, price=0), "the shopper expected")] == []


def test_every_entry_stands_in_the_docs() -> None:
    page = (REPOSITORY / "docs" / "known-disagreements.md").read_text()

    assert [one.name for one in known.KNOWN if f"| {one.name} | `{one.order_class.value}` |" not in page] == []

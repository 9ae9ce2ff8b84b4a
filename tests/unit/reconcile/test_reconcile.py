"""A consistent world has nothing but agreement; each corruption is found, at its order, by its name."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.base.errors import DrillyardError
from drillyard.reconcile import OrderClass, Reconciliation, reconcile


@dataclass
class World:
    """Everybody's books."""

    shoppers: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    charges: list[dict[str, Any]] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    processed: dict[str, int] = field(default_factory=dict)

    def reconciled(self) -> Reconciliation:
        return reconcile(self.shoppers, self.orders, self.charges, self.refunds, self.processed)

    def stored(self, order_id: str) -> dict[str, Any]:
        return next(order for order in self.orders if order["id"] == order_id)

    def charge(self, order_id: str) -> dict[str, Any]:
        return next(one for one in self.charges if one["metadata"].get("order_id") == order_id)

    def asked(self, order_id: str) -> dict[str, Any]:
        return next(one for one in self.shoppers if one["order_id"] == order_id)


def order_id_of(number: int) -> str:
    return f"6900953ac1f4320001b5{number:04x}"


def add_order(world: World, ending: str, cents: int, by_shopper: bool) -> None:
    """One order in everybody's books, as an honest shop would leave it."""
    number = len(world.orders)
    order_id = order_id_of(number)
    world.orders.append(
        {"id": order_id, "status": ending, "total": cents / 100, "card": {"longNum": "4242424242424242"}}
    )
    declined = ending == "PAYMENT_FAILED"
    if by_shopper:
        world.shoppers.append(
            {
                "order_id": order_id,
                "outcome": "refused_by_rule" if declined else "ok",
                "http_status": 406 if declined else 201,
                "status_seen": None if declined else "PAID",
                "expected_cents": cents,
                "total_cents": None if declined else cents,
            }
        )
    charge = {
        "id": f"ch_{number}",
        "amount": cents,
        "captured": not declined,
        "amount_captured": 0 if declined else cents,
        "amount_refunded": cents if ending == "REFUNDED" else 0,
        "refunded": ending == "REFUNDED",
        "status": "failed" if declined else "succeeded",
        "metadata": {"order_id": order_id},
    }
    world.charges.append(charge)
    if ending == "REFUNDED":
        refund = {"id": f"re_{number}", "charge": charge["id"], "amount": cents, "status": "succeeded"}
        world.refunds.append(refund)
    if ending == "SHIPPED":
        world.processed[order_id] = 1


@st.composite
def worlds(draw: st.DrawFn, *, shipped_first: bool = False) -> World:
    world = World()
    if shipped_first:
        add_order(world, "SHIPPED", draw(st.integers(499, 50_000)), by_shopper=True)
    endings = st.sampled_from(["SHIPPED", "PAYMENT_FAILED", "REFUNDED"])
    for ending, cents, by_shopper in draw(st.lists(st.tuples(endings, st.integers(499, 50_000), st.booleans()))):
        add_order(world, ending, cents, by_shopper)
    shuffle = random.Random(draw(st.integers()))
    for book in (world.shoppers, world.orders, world.charges, world.refunds):
        shuffle.shuffle(book)
    return world


@given(worlds())
def test_a_consistent_world_has_only_agreement(world: World) -> None:
    result = world.reconciled()

    assert result.agreed
    assert {row.order_class for row in result.rows} <= {OrderClass.AGREED}
    assert [row.order_id for row in result.rows] == [order["id"] for order in world.orders]
    assert result.totals.held_cents == result.totals.paid_cents == result.totals.processed_cents


Corruption = Callable[[World, str], object]


def _drop(book: list[dict[str, Any]], one: dict[str, Any]) -> None:
    book.remove(one)


def _forget(world: World, order: str) -> None:
    _drop(world.charges, world.charge(order))
    _drop(world.orders, world.stored(order))


CORRUPTIONS: list[tuple[str, Corruption]] = [
    ("order_missing", _forget),
    ("charged_not_ordered", lambda world, order: _drop(world.orders, world.stored(order))),
    ("charged_twice", lambda world, order: world.charges.append({**world.charge(order), "id": "ch_again"})),
    ("charged_order_failed", lambda world, order: world.stored(order).update(status="PAYMENT_FAILED")),
    ("shipped_twice", lambda world, order: world.processed.update({order: 2})),
    ("paid_not_charged", lambda world, order: _drop(world.charges, world.charge(order))),
    ("paid_not_charged", lambda world, order: world.charge(order).update(captured=False, amount_captured=0)),
    ("paid_not_shipped", lambda world, order: (world.processed.pop(order), world.stored(order).update(status="PAID"))),
    ("shipped_not_processed", lambda world, order: world.processed.pop(order)),
    ("status_disagrees", lambda world, order: world.stored(order).update(status="PAID")),
    ("status_disagrees", lambda world, order: world.asked(order).update(status_seen="PAYMENT_FAILED")),
    ("amount_disagrees", lambda world, order: world.charge(order).update(amount=1, amount_captured=1)),
    ("amount_disagrees", lambda world, order: world.stored(order).update(total=1.23)),
    ("amount_disagrees", lambda world, order: world.asked(order).update(expected_cents=1)),
    ("refund_disagrees", lambda world, order: world.charge(order).update(amount_refunded=1)),
    ("paid_told_failed", lambda world, order: world.asked(order).update(outcome="transport_error", http_status=None)),
    ("stored_twice", lambda world, order: world.orders.append(world.stored(order))),
    ("answered_twice", lambda world, order: world.shoppers.append(world.asked(order))),
    ("shipped_not_paid", lambda world, order: (world.stored(order).update(status="PENDING"),)),
    (
        "stuck",
        lambda world, order: (world.stored(order).update(status="PENDING", total=9.0), world.processed.pop(order)),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "corrupt"), CORRUPTIONS)
@given(world=worlds(shipped_first=True))
def test_each_corruption_is_found_and_named_at_its_order(name: str, corrupt: Corruption, world: World) -> None:
    order_id = order_id_of(0)
    corrupt(world, order_id)

    result = world.reconciled()

    assert OrderClass(name) in {one.order_class for one in result.disagreements if one.order_id == order_id}
    assert all(row.order_class is OrderClass.AGREED for row in result.rows if row.order_id != order_id)
    (row,) = (row for row in result.rows if row.order_id == order_id)
    assert row.order_class.gravity <= OrderClass(name).gravity


def test_every_class_of_the_list_can_be_found() -> None:
    tested = {name for name, _ in CORRUPTIONS} | {"agreed", "unknown_charge"}

    assert tested == {one.value for one in OrderClass}


@given(worlds(shipped_first=True))
def test_money_that_names_no_order_is_an_unknown_charge(world: World) -> None:
    world.charges.append({"id": "ch_x", "amount": 500, "captured": True, "status": "succeeded", "metadata": {}})

    (found,) = world.reconciled().disagreements

    assert (found.order_id, found.order_class) == (None, OrderClass.UNKNOWN_CHARGE)


@given(worlds(shipped_first=True))
def test_a_refund_of_a_charge_that_nobody_knows_is_named(world: World) -> None:
    world.refunds.append({"id": "re_x", "charge": "ch_none", "amount": 5, "status": "succeeded"})

    (found,) = world.reconciled().disagreements

    assert (found.order_id, found.order_class) == (None, OrderClass.REFUND_DISAGREES)


def test_the_gravest_class_stands_in_the_row_and_all_are_listed() -> None:
    world = World()
    add_order(world, "SHIPPED", 1999, by_shopper=True)
    order_id = order_id_of(0)
    world.processed[order_id] = 3
    world.charges.append({**world.charge(order_id), "id": "ch_again"})

    result = world.reconciled()

    assert result.rows[0].order_class is OrderClass.CHARGED_TWICE
    assert result.summary() == (
        "0 of 1 order(s) agreed, the bank holds 39.98; charged_twice: 6900953ac1f4320001b50000: "
        "2 charges hold $39.98 together (and 1 more)"
    )
    assert [one.order_class.value for one in result.disagreements] == ["charged_twice", "shipped_twice"]
    assert result.totals.charged_cents == 2 * 1999
    assert result.counts == {"charged_twice": 1}


def test_what_the_documents_call_the_silent_failure_is_paid_not_shipped() -> None:
    world = World()
    for _ in range(5):
        add_order(world, "PAID", 1999, by_shopper=True)

    assert world.reconciled().counts == {"paid_not_shipped": 5}


def test_charged_while_the_shop_says_failed_is_the_gateway_being_slow() -> None:
    world = World()
    add_order(world, "SHIPPED", 1999, by_shopper=False)
    world.processed.clear()
    world.orders[0]["status"] = "PAYMENT_FAILED"
    row = {"order_id": order_id_of(0), "outcome": "http_error", "http_status": 500}
    world.shoppers.append(row)

    (found,) = world.reconciled().disagreements

    assert found.order_class is OrderClass.CHARGED_ORDER_FAILED
    assert found.text == "the order is PAYMENT_FAILED, the bank holds $19.99"


def test_a_charge_that_two_pages_show_is_one_charge() -> None:
    world = World()
    add_order(world, "SHIPPED", 1999, by_shopper=True)
    world.charges.append(copy.deepcopy(world.charges[0]))

    assert world.reconciled().agreed


def test_without_a_bank_money_is_not_judged() -> None:
    world = World()
    add_order(world, "SHIPPED", 1999, by_shopper=True)

    result = reconcile(world.shoppers, world.orders, None, None, world.processed)

    assert result.agreed
    assert not result.bank_asked
    assert (result.rows[0].charged_cents, result.totals.held_cents) == (None, None)


def test_float32_totals_of_the_wire_are_the_cents_that_the_bank_holds() -> None:
    world = World()
    add_order(world, "SHIPPED", 10498, by_shopper=True)
    world.orders[0]["total"] = 104.979996

    assert world.reconciled().agreed


def test_an_order_is_known_by_its_self_link_too() -> None:
    world = World()
    add_order(world, "SHIPPED", 1999, by_shopper=True)
    del world.orders[0]["id"]
    world.orders[0]["_links"] = {"self": {"href": f"http://orders/orders/{order_id_of(0)}"}}

    assert world.reconciled().agreed


def test_attempts_without_an_order_id_are_counted() -> None:
    world = World(shoppers=[{"order_id": None, "outcome": "transport_error"}])

    result = world.reconciled()

    assert result.unnamed_attempts == 1
    assert result.agreed


@pytest.mark.parametrize(
    ("book", "entry"),
    [
        ("orders", {}),
        ("orders", {"id": "a", "status": None, "total": 1}),
        ("orders", {"id": "a", "status": "PAID", "total": "1"}),
        ("orders", {"id": "a", "status": "PAID", "total": float("nan")}),
        ("orders", {"_links": {"self": {"href": ""}}, "status": "PAID", "total": 1}),
        ("orders", None),
        ("charges", {"id": "ch", "status": "succeeded"}),
        ("charges", {"id": "ch", "status": "succeeded", "amount": 1.5}),
        ("charges", {"id": "ch", "status": "succeeded", "amount": -1}),
        ("charges", {"id": "ch", "status": "succeeded", "amount": 1, "metadata": {"order_id": 7}}),
        ("refunds", {"id": "re", "amount": 1, "charge": None}),
        ("shoppers", {"order_id": "a"}),
    ],
)
def test_an_entry_that_cannot_be_read_stops_with_a_sentence(book: str, entry: Any) -> None:
    world = World()
    getattr(world, book).append(entry)

    with pytest.raises(DrillyardError, match="Cannot reconcile: a "):
        world.reconciled()


def test_the_sentence_about_an_unreadable_order_shows_no_card() -> None:
    world = World(orders=[{"card": {"longNum": "5544154011345918", "ccv": "958"}}])

    with pytest.raises(DrillyardError) as refused:
        world.reconciled()

    assert "5544154011345918" not in str(refused.value)
    assert "958" not in str(refused.value).replace("5918", "")


def test_a_count_that_is_no_count_is_refused() -> None:
    with pytest.raises(DrillyardError, match="processed count"):
        reconcile([], [], [], [], {"a": -1})


@given(worlds(shipped_first=True))
def test_the_evidence_is_plain_json(world: World) -> None:
    evidence = world.reconciled().to_json()

    assert json.loads(json.dumps(evidence)) == evidence
    assert set(evidence) == {"bank_asked", "unnamed_attempts", "counts", "totals", "rows", "disagreements"}

"""An order's timeline puts lines, stored statuses and the bank's entries in order, counted from its creation."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from drillyard.base.errors import DrillyardError, SettingError
from drillyard.cli.timeline import offset
from drillyard.yard.order_timeline import order_timeline
from drillyard.yard.yard import Answer

ORDER = "6900953ac1f4320001b50703"
CREATED_S = 1761645882


@dataclass
class Bank:
    charged: list[dict[str, Any]] = field(default_factory=list)
    refunded: list[dict[str, Any]] = field(default_factory=list)

    async def charges(self) -> list[dict[str, Any]]:
        return self.charged

    async def refunds(self) -> list[dict[str, Any]]:
        return self.refunded


@dataclass
class Shop:
    """As much of a yard as a timeline asks for."""

    datadog: Any
    bank: Bank = field(default_factory=Bank)
    order: dict[str, Any] | None = None
    silent: bool = False

    async def look(self, service: str, path: str) -> Answer:
        if self.silent:
            raise DrillyardError(f"{service} did not answer {path}: ConnectError.")
        return Answer(200 if self.order else 404, json.dumps(self.order) if self.order else "", 0.0)


@pytest.fixture
def shop(datadog, clock) -> Shop:
    order = {"id": ORDER, "date": "2025-10-28T10:04:42.603+0000", "status": "PAYMENT_FAILED"}
    return Shop(datadog, order=order)


def spring(level: str, text: str) -> str:
    return f"2025-10-28 10:04:42.700 {level:>5} [orders,,,] 1 --- [p-nio-80-exec-1] w.w.s.o.OrdersController : {text}"


async def test_lines_of_all_services_come_in_order_with_their_own_level(shop, datadog, clock) -> None:
    await clock.advance(10)
    datadog.say("sock-shop-front-end", f'Order response: {{"id":"{ORDER}"}}', ago_s=6)
    datadog.say("sock-shop-orders", spring("ERROR", f"Payment failed for order {ORDER}: refused"), ago_s=8)
    datadog.say("sock-shop-payment", f"ts=2025 caller=gateway.go:52 msg=x order_id={ORDER}", status="error", ago_s=9)
    datadog.say("sock-shop-orders", spring("INFO", "Another order 1111"), ago_s=7)

    found = await order_timeline(shop, ORDER)

    assert [(step.service, step.level, step.text, step.offset_s(found.start)) for step in found.steps] == [
        ("sock-shop-payment", "", f"msg=x order_id={ORDER}", 1.0),
        ("sock-shop-orders", "error", f"Payment failed for order {ORDER}: refused", 2.0),
        ("sock-shop-front-end", "info", f'Order response: {{"id":"{ORDER}"}}', 4.0),
    ]
    assert found.notes == ["The bank has no charge for it."]


async def test_the_ledgers_entries_stand_beside_the_line_that_names_them(shop, datadog, clock) -> None:
    charge = {"id": "ch_1", "amount": 2299, "currency": "usd", "status": "succeeded", "captured": True}
    shop.bank.charged = [
        charge | {"created": CREATED_S, "metadata": {"order_id": ORDER}},
        charge | {"id": "ch_other", "created": CREATED_S, "metadata": {"order_id": "other"}},
    ]
    shop.bank.refunded = [
        {
            "id": "re_1",
            "amount": 2299,
            "currency": "usd",
            "status": "succeeded",
            "charge": "ch_1",
            "created": CREATED_S + 60,
        }
    ]
    await clock.advance(0.3)
    datadog.say("bank", f"ts=x level=info charge=ch_1 order_id={ORDER}")

    found = await order_timeline(shop, ORDER)

    assert [(step.kind, step.text) for step in found.steps if step.kind != "log"] == [
        ("charge", "ch_1 22.99 USD: succeeded"),
        ("refund", "re_1 22.99 USD of ch_1: succeeded"),
    ]
    assert found.steps[1].offset_s(found.start) == pytest.approx(0.3)


async def test_a_charge_within_the_second_of_the_creation_is_not_before_it(shop, clock) -> None:
    shop.bank.charged = [
        {"id": "ch_1", "amount": 100, "status": "failed", "failure_code": "card_declined", "created": CREATED_S}
        | {"metadata": {"order_id": ORDER}}
    ]

    found = await order_timeline(shop, ORDER)

    assert [(step.text, step.offset_s(found.start)) for step in found.steps] == [
        ("ch_1 1.00: failed (card_declined)", 0.0)
    ]


async def test_the_stored_history_is_part_of_it(shop) -> None:
    shop.order["statusHistory"] = [
        {"status": "CREATED", "at": "2025-10-28T10:04:42.603+0000"},
        {"status": "PENDING", "at": None},
    ]

    found = await order_timeline(shop, ORDER)

    assert [(step.kind, step.text) for step in found.steps] == [("status", "status CREATED")]


async def test_without_the_stored_order_the_first_line_is_the_start(shop, datadog) -> None:
    shop.silent = True
    datadog.say("sock-shop-orders", spring("INFO", f"Order created with ID: {ORDER}"), ago_s=100)

    found = await order_timeline(shop, ORDER)

    assert found.steps[0].offset_s(found.start) == 0
    assert any("could not be read" in note for note in found.notes)
    assert any("T+0 is the first step" in note for note in found.notes)


async def test_an_order_that_nobody_knows_is_one_sentence(shop) -> None:
    shop.order = None

    with pytest.raises(DrillyardError, match=f"Nothing is known of order {ORDER}"):
        await order_timeline(shop, ORDER)


@pytest.mark.parametrize("text", ["", 'a" OR *', "../orders", "x" * 65, "a b", "-a"])
async def test_what_is_no_order_id_is_refused_before_anything_is_asked(shop, datadog, text: str) -> None:
    with pytest.raises(SettingError, match="is no order id"):
        await order_timeline(shop, text)
    assert datadog.asked == 0


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0289, "T+0.029s"), (-1.5, "T-1.500s"), (125.25, "T+2m05.250s"), (59.9999, "T+1m00.000s")],
)
def test_an_offset_is_short_and_exact_to_the_millisecond(seconds: float, shown: str) -> None:
    assert offset(seconds) == shown


async def test_spans_of_the_orders_traces_stand_among_its_steps(shop, datadog, clock) -> None:
    await clock.advance(10)
    custom = {"duration": 28_100_000, "server": {"address": "payment"}, "http": {"response": {"status_code": 503}}}
    span = {
        "trace_id": "b2092634bf8a891c",
        "service": "sock-shop-orders",
        "resource_name": "POST",
        "status": "error",
        "start_timestamp": "2025-10-28T10:04:43.603Z",
        "custom": custom,
    }
    datadog.kept_spans = [("order.id", {"attributes": span}), ("b2092634bf8a891c", {"attributes": span})]

    found = await order_timeline(shop, ORDER, with_spans=True)

    (step,) = [step for step in found.steps if step.kind == "span"]
    assert (step.text, step.level, step.offset_s(found.start)) == ("POST to payment 503, 28.1 ms", "error", 1.0)
    datadog.kept_spans = []
    found = await order_timeline(shop, ORDER, with_spans=True)
    assert any("No span names it" in note for note in found.notes)

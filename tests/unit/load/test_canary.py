"""The canary is shipped, or says how far it got; it never waits past its deadline."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from drillyard.base.clock import VirtualClock
from drillyard.load import CanaryResult, canary_order

URL = "http://front-end.test"


async def run(shop: Any, clock: VirtualClock, ship_after_s: float | None = None, **options: Any) -> CanaryResult:
    task = asyncio.create_task(canary_order(URL, seed=1, clock=clock, transport=shop, **options))
    while not task.done():
        await clock.advance(0.1)
        if ship_after_s is not None and clock.elapsed_s >= ship_after_s:
            for order in shop.orders.values():
                order["status"] = "SHIPPED"
    return task.result()


async def test_a_canary_that_is_shipped_tells_each_status_it_saw(shop: Any, clock: VirtualClock) -> None:
    result = await run(shop, clock, ship_after_s=2.0)

    assert result.shipped
    assert result.reason == ""
    assert [seen.status for seen in result.statuses] == ["PAID", "SHIPPED"]
    assert result.order_id in shop.orders
    assert 1.9 <= result.took_s <= 2.3


async def test_a_canary_that_nobody_ships_says_so_at_the_deadline(shop: Any, clock: VirtualClock) -> None:
    result = await run(shop, clock, deadline_s=5.0)

    assert not result.shipped
    assert result.reason == f"The canary order {result.order_id} was still PAID after 5 s."
    assert clock.elapsed_s <= 5.2


async def test_a_canary_that_is_refused_names_the_step(shop: Any, clock: VirtualClock) -> None:
    shop.overrides["GET /login"] = lambda request: httpx.Response(401)

    result = await run(shop, clock)

    assert not result.shipped
    assert result.reason.startswith("The canary order was not accepted (http_error at login)")


async def test_a_canary_whose_payment_fails_does_not_wait_longer(shop: Any, clock: VirtualClock) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": "x", "status": "PAYMENT_FAILED"})

    shop.overrides["GET /orders/6900953ac1f4320001000000"] = fail

    result = await run(shop, clock)

    assert result.reason == "The canary order 6900953ac1f4320001000000 ended as PAYMENT_FAILED."
    assert clock.elapsed_s < 1


async def test_an_order_that_is_not_stored_is_said_to_be_missing(shop: Any, clock: VirtualClock) -> None:
    shop.overrides["GET /orders/6900953ac1f4320001000000"] = lambda request: httpx.Response(404)

    assert "was not stored after 1 s" in (await run(shop, clock, deadline_s=1.0)).reason


async def test_a_front_end_that_dies_after_the_order_is_named(shop: Any, clock: VirtualClock) -> None:
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    shop.overrides["GET /orders/6900953ac1f4320001000000"] = gone

    assert "could not be watched: no answer to GET" in (await run(shop, clock, deadline_s=1.0)).reason

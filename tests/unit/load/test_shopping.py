"""Every attempt leaves one row, and each kind of failure is called by its own name."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from drillyard.base.clock import VirtualClock
from drillyard.base.errors import DrillyardError
from drillyard.load import SEED_ACCOUNT, Attempt, AttemptOutcome, Habits, ShopperLedger, place_orders

URL = "http://front-end.test"


async def place(shop: Any, clock: VirtualClock, count: int = 1, **options: Any) -> ShopperLedger:
    return await place_orders(URL, count, 42, clock, transport=shop, **options)


async def test_five_orders_leave_five_rows_with_ids_status_and_cents(shop: Any, clock: VirtualClock) -> None:
    told: list[Attempt] = []

    ledger = await place(shop, clock, 5, on_order=told.append)

    assert ledger.counts["ok"] == len(ledger) == 5
    assert ledger.order_ids == list(shop.orders)
    assert told == ledger.rows
    for row in ledger:
        assert (row.http_status, row.status_seen, row.step) == (201, "PAID", "order")
        assert row.total_cents == row.expected_cents
        assert row.started_at.utcoffset() is not None


async def test_the_same_seed_buys_the_same_whoever_shops(shop: Any, clock: VirtualClock) -> None:
    alone = await place(shop, clock, 6)
    together = await place(shop, clock, 6, concurrency=3, name="other")

    def bought(ledger: ShopperLedger) -> list[tuple[int, str | None, int | None]]:
        return sorted((row.number, row.item, row.quantity) for row in ledger)

    assert bought(alone) == bought(together)
    assert len({row.shopper for row in together}) == 3


async def test_the_documents_own_customer_can_shop(shop: Any, clock: VirtualClock) -> None:
    await place(shop, clock, 2, habits=Habits(account=SEED_ACCOUNT))

    assert [order["customer"] for order in shop.orders.values()] == ["user", "user"]
    assert "POST /register" not in shop.asked
    assert shop.asked.count("GET /login") == 1


async def test_a_decline_is_a_refusal_by_rule(shop: Any, clock: VirtualClock) -> None:
    body = {"status": 406, "message": "Payment declined: amount exceeds 105.00"}
    shop.overrides["POST /orders"] = lambda request: httpx.Response(406, json=body)

    (row,) = await place(shop, clock)

    assert (row.outcome, row.http_status) == (AttemptOutcome.REFUSED_BY_RULE, 406)
    assert "Payment declined: amount exceeds 105.00" in str(row.error)


async def test_a_failed_payment_is_an_http_error_and_its_order_id_is_kept(shop: Any, clock: VirtualClock) -> None:
    body = {"status": 500, "message": "Payment service unavailable for order 6900953ac1f4320001b50703"}
    shop.overrides["POST /orders"] = lambda request: httpx.Response(500, json=body)

    (row,) = await place(shop, clock)

    assert row.outcome is AttemptOutcome.HTTP_ERROR
    assert row.order_id == "6900953ac1f4320001b50703"


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadError(""), httpx.RemoteProtocolError("cut")]
)
async def test_a_broken_connection_is_a_transport_error(shop: Any, clock: VirtualClock, error: httpx.HTTPError) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise error

    shop.overrides["POST /cart"] = broken

    (row,) = await place(shop, clock)

    assert (row.outcome, row.step, row.http_status) == (AttemptOutcome.TRANSPORT_ERROR, "cart", None)


async def test_an_answer_that_never_comes_is_given_up(shop: Any, clock: VirtualClock) -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path != "/orders":
                return await shop.handle_async_request(request)  # type: ignore[no-any-return]
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

    ledger = await place(Silent(), clock, habits=Habits(order_timeout_s=0.01))

    assert ledger.rows[0].outcome is AttemptOutcome.TRANSPORT_ERROR
    assert ledger.rows[0].error == "no answer to POST /orders within 0.01 s"


async def test_a_request_the_shop_does_not_offer_is_the_script_s_fault(shop: Any, clock: VirtualClock) -> None:
    shop.overrides["POST /cart"] = lambda request: httpx.Response(404, text="Cannot POST /cart")

    (row,) = await place(shop, clock)

    assert row.outcome is AttemptOutcome.SCRIPT_ERROR


async def test_good_credentials_refused_are_the_shop_s_fault(shop: Any, clock: VirtualClock) -> None:
    shop.overrides["GET /login"] = lambda request: httpx.Response(401)

    (row,) = await place(shop, clock)

    assert (row.outcome, row.step, row.http_status) == (AttemptOutcome.HTTP_ERROR, "login", 401)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(201, text="<html>"),
        httpx.Response(201, json=[]),
        httpx.Response(201, json={"total": 1}),
        httpx.Response(201, json={"id": "a", "total": "much"}),
        httpx.Response(201, text='{"id": "a", "total": NaN}'),
        httpx.Response(201, content=b" " * 4_000_001),
        httpx.Response(200, json={"id": "a", "total": 1}),
    ],
)
async def test_a_201_that_is_no_order_is_no_success(shop: Any, clock: VirtualClock, answer: httpx.Response) -> None:
    shop.overrides["POST /orders"] = lambda request: answer

    (row,) = await place(shop, clock)

    assert row.outcome is AttemptOutcome.HTTP_ERROR


async def test_a_late_order_is_slow_and_still_accepted(shop: Any, clock: VirtualClock) -> None:
    def late(request: httpx.Request) -> None:
        clock.elapsed_s += 3.5

    shop.overrides["POST /orders"] = late

    ledger = await place(shop, clock)

    assert ledger.rows[0].outcome is AttemptOutcome.SLOW
    assert ledger.rows[0].took_s == 3.5
    assert ledger.order_ids == list(shop.orders)


async def test_a_slow_way_to_checkout_does_not_make_the_order_slow(shop: Any, clock: VirtualClock) -> None:
    def late(request: httpx.Request) -> None:
        clock.elapsed_s += 3.5

    shop.overrides["GET /login"] = late

    assert (await place(shop, clock)).rows[0].outcome is AttemptOutcome.OK


async def test_a_registration_whose_answer_was_lost_is_not_held_against_the_shopper(
    shop: Any, clock: VirtualClock
) -> None:
    def lost(request: httpx.Request) -> httpx.Response | None:
        del shop.overrides["POST /register"]
        shop.answer(request)
        return httpx.Response(500, json={"message": "ESOCKETTIMEDOUT"})

    shop.overrides["POST /register"] = lost

    ledger = await place(shop, clock, 2)

    assert [row.outcome for row in ledger] == [AttemptOutcome.HTTP_ERROR, AttemptOutcome.OK]


async def test_a_name_that_somebody_else_has_is_an_error(shop: Any, clock: VirtualClock) -> None:
    shop.overrides["POST /register"] = lambda request: httpx.Response(409, json={"error": "User already exists."})

    [row] = await place(shop, clock)

    assert (row.step, row.http_status) == ("register", 409)


async def test_after_a_failure_the_shopper_logs_in_again(shop: Any, clock: VirtualClock) -> None:
    answers = iter([httpx.Response(500, json={"message": "User not logged in."}), None])
    shop.overrides["POST /orders"] = lambda request: next(answers)

    ledger = await place(shop, clock, 2)

    assert [row.outcome for row in ledger] == [AttemptOutcome.HTTP_ERROR, AttemptOutcome.OK]
    assert shop.asked.count("GET /login") == 2
    assert shop.asked.count("POST /register") == 1


async def test_a_cancelled_run_keeps_its_rows_and_the_attempt_under_way(shop: Any, clock: VirtualClock) -> None:
    under_way = asyncio.Event()

    class SilentFromTheThird(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/orders" and len(shop.orders) == 2:
                under_way.set()
                await asyncio.Event().wait()
            return await shop.handle_async_request(request)  # type: ignore[no-any-return]

    ledger = ShopperLedger()
    run = asyncio.create_task(place(SilentFromTheThird(), clock, 5, ledger=ledger))
    await under_way.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run

    assert [row.outcome.value for row in ledger] == ["ok", "ok", "transport_error"]
    assert ledger.rows[2].error == "stopped before the answer came"


@pytest.mark.parametrize("habits", [Habits(pause_s=2.0), Habits(pace_s=2.0), Habits(pause_s=1.0, pace_s=2.0)])
async def test_pauses_pass_between_attempts_and_not_around_them(shop: Any, clock: VirtualClock, habits: Habits) -> None:
    run = asyncio.create_task(place(shop, clock, 3, habits=habits))
    while not run.done():
        await clock.advance(1.0)

    assert [(row.started_at - run.result().rows[0].started_at).total_seconds() for row in run.result()] == [0, 2, 4]


async def test_paced_shoppers_begin_evenly_spread(shop: Any, clock: VirtualClock) -> None:
    run = asyncio.create_task(place(shop, clock, 8, concurrency=4, habits=Habits(pace_s=4.0)))
    while not run.done():
        await clock.advance(0.5)

    began = sorted((row.started_at - run.result().rows[0].started_at).total_seconds() for row in run.result())
    assert began == [0, 1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(("count", "concurrency"), [(-1, 1), (1, 0), (1, 201)])
async def test_numbers_that_make_no_sense_are_refused(
    shop: Any, clock: VirtualClock, count: int, concurrency: int
) -> None:
    with pytest.raises(DrillyardError, match="cannot be placed"):
        await place(shop, clock, count, concurrency=concurrency)


async def test_several_shoppers_may_not_share_one_cart(shop: Any, clock: VirtualClock) -> None:
    with pytest.raises(DrillyardError, match="cannot share the account user"):
        await place(shop, clock, 2, concurrency=2, habits=Habits(account=SEED_ACCOUNT))


async def test_a_callback_that_fails_is_heard_as_itself(shop: Any, clock: VirtualClock) -> None:
    def full(row: Attempt) -> None:
        raise DrillyardError("The disk is full.")

    with pytest.raises(DrillyardError, match="The disk is full"):
        await place(shop, clock, 2, on_order=full)


async def test_no_sock_within_the_limit_is_said_plainly(shop: Any, clock: VirtualClock) -> None:
    (row,) = await place(shop, clock, habits=Habits(total_max_cents=500))

    assert row.outcome is AttemptOutcome.SCRIPT_ERROR
    assert row.error == "no order with a sock costs up to 500 cents"


async def test_no_card_number_stands_in_a_row(shop: Any, clock: VirtualClock) -> None:
    shop.overrides["POST /cards"] = lambda request: httpx.Response(500, json={"message": "not found"})

    (row,) = await place(shop, clock)

    assert row.step == "card"
    assert "4242" not in json.dumps(str(row))

"""
Looks at orders: those that are stored, that the bank was paid for, that wait in the queue, and one of our own.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.drills.checklists.entry import Seen, Sight
from drillyard.drills.checklists.scaled_down import scaled_down_at
from drillyard.load.canary import canary_order

QUEUE = "shipping-task"
_GRACE = timedelta(seconds=2)
"""An event has whole seconds, and a pod finishes what it has begun: such an order is none against the claim."""
_CANARY_S = 30.0
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


async def an_order_goes_all_the_way(sight: Sight) -> Seen:
    """Places one order and follows it to SHIPPED."""
    if not sight.may_order:
        return None, "no order was placed, as asked"
    seed = secrets.randbelow(2**31)
    result = await canary_order(sight.yard.url("front-end"), seed=seed, clock=sight.yard.clock, deadline_s=_CANARY_S)
    if not result.shipped:
        return False, result.reason
    return True, f"order {result.order_id} was SHIPPED after {result.took_s:.1f} s"


async def orders_can_be_listed(sight: Sight) -> Seen:
    try:
        orders = await sight.yard.orders()
    except DrillyardError as silent:
        return False, silent.message
    return True, f"{len(orders)} order(s)"


async def failed_orders_are_stored(sight: Sight) -> Seen:
    failed = _failed(await _recent(sight))
    return bool(failed), f"{len(failed)} PAYMENT_FAILED {sight.window}"


async def no_order_succeeded_without_payment(sight: Sight) -> Seen:
    """Since payment was last scaled down."""
    down = await scaled_down_at(sight, "payment")
    if down is None:
        return None, "payment is not scaled to 0"
    placed = [one for one in await sight.yard.orders() if _date(one) > down]
    paid = [one for one in placed if one["status"] in ("PAID", "SHIPPED") and _date(one) > down + _GRACE]
    if not placed:
        return None, f"no order was placed since {down:%H:%M:%S} UTC"
    return not paid, f"{len(paid)} order(s) paid since {down:%H:%M:%S} UTC" + _ids(paid)


async def failed_orders_are_reconciled(sight: Sight) -> Seen:
    """Nobody's money is held for an order that failed. Every failed order counts, not only the recent ones."""
    failed = {one["id"] for one in _failed(await sight.yard.orders())}
    held = sorted(
        str((one.get("metadata") or {}).get("order_id"))
        for one in await sight.yard.bank.charges()
        if (one.get("metadata") or {}).get("order_id") in failed
        and one.get("paid")
        and one["amount"] > one.get("amount_refunded", 0)
    )
    seen = f"{len(failed)} failed order(s), money held for {len(held)}"
    return not held, seen + (f": {', '.join(held[:3])}" if held else "")


async def the_consumer_is_there(sight: Sight) -> Seen:
    queue = await sight.yard.broker.queue(QUEUE)
    return queue.consumers > 0, f"{queue.consumers} consumer(s), {queue.messages} message(s)"


async def the_backlog_is_processed(sight: Sight) -> Seen:
    queue = await sight.yard.broker.queue(QUEUE)
    waiting = [one for one in await sight.yard.orders() if one["status"] == "PAID"]
    seen = f"{queue.messages} message(s), {len(waiting)} order(s) PAID and not SHIPPED"
    return queue.messages == 0 and not waiting, seen + _ids(waiting)


async def orders_succeed_without_being_shipped(sight: Sight) -> Seen:
    """What Incident 5 looks like: since the consumer is gone every order is paid, and its message in the queue."""
    down = await scaled_down_at(sight, "queue-master")
    if down is None:
        return False, "queue-master is not scaled to 0"
    queue = await sight.yard.broker.queue(QUEUE)
    since = [one for one in await sight.yard.orders() if _date(one) > down]
    recent = [one for one in since if one["status"] != "SHIPPED" or _date(one) > down + _GRACE]
    paid = [one for one in recent if one["status"] == "PAID"]
    seen = f"{len(paid)} of {len(recent)} order(s) since {down:%H:%M:%S} UTC are PAID, {queue.messages} message(s)"
    return bool(paid) and len(paid) == len(recent) and queue.messages >= len(paid), seen


async def failed_payments_in_the_logs_are_stored(sight: Sight) -> Seen:
    """Every order whose payment failed, by the logs, is in the database."""
    query = 'kube_namespace:sock-shop service:sock-shop-orders "status updated to PAYMENT_FAILED"'
    lines = (await sight.yard.datadog.logs(query, sight.since, "now")).items
    logged = {_order_in(one["attributes"]["message"]) for one in lines}
    stored = {one["id"] for one in _failed(await sight.yard.orders())}
    if not logged:
        return None, f"no payment failed {sight.window}"
    missing = sorted(logged - stored)
    return not missing, f"{len(logged)} in the logs, {len(logged & stored)} of them stored" + (
        f"; not: {', '.join(missing[:3])}" if missing else ""
    )


def _order_in(message: str) -> str:
    return message.partition("Order ")[2].partition(" ")[0]


async def _recent(sight: Sight) -> list[dict[str, Any]]:
    began = sight.yard.clock.now().astimezone(UTC) - length_of(sight.since)
    return [one for one in await sight.yard.orders() if _date(one) >= began]


def length_of(since: str) -> timedelta:
    """`now-15m` as a length of time. Raises ValueError."""
    amount, unit = since.removeprefix("now-")[:-1], since[-1:]
    if not since.startswith("now-") or not amount.isdecimal() or unit not in _UNITS_S:
        raise ValueError(since)
    return timedelta(seconds=int(amount) * _UNITS_S[unit])


def _failed(orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in orders if one["status"] == "PAYMENT_FAILED"]


def _date(order: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(order["date"])


def _ids(orders: list[dict[str, Any]]) -> str:
    return f": {', '.join(one['id'] for one in orders[:3])}" if orders else ""

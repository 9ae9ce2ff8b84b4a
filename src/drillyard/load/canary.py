"""
A canary order: one order that proves the shop's whole way, from the front end to SHIPPED.

It never hangs and never raises for what the shop does: a shop that does not ship within the deadline gives a result
that says how far the order got.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import httpx

from drillyard.base.clock import Clock
from drillyard.load.ledger import Attempt
from drillyard.load.shop_client import JourneyProblem, ShopClient
from drillyard.load.shopping import USUAL_HABITS, Habits, place_orders


@dataclass(frozen=True)
class StatusSeen:
    """A status of an order when it was first seen; `t_s` counts from when watching began. None: not stored."""

    t_s: float
    status: str | None


@dataclass(frozen=True)
class CanaryResult:
    """How far the canary order got. `reason` is a sentence; empty when it was shipped."""

    shipped: bool
    order_id: str | None
    took_s: float
    statuses: tuple[StatusSeen, ...]
    attempt: Attempt
    reason: str


async def canary_order(
    front_end_url: str,
    *,
    seed: int,
    clock: Clock,
    deadline_s: float = 30.0,
    poll_s: float = 0.1,
    habits: Habits = USUAL_HABITS,
    transport: httpx.AsyncBaseTransport | None = None,
) -> CanaryResult:
    """Places one order and watches it until SHIPPED, a failure, or `deadline_s` seconds after it was begun."""
    began_s = clock.monotonic_s()
    timeout_s = min(habits.timeout_s, deadline_s)
    habits = replace(habits, timeout_s=timeout_s, order_timeout_s=min(habits.order_timeout_s, deadline_s))
    ledger = await place_orders(front_end_url, 1, seed, clock, habits=habits, name="canary", transport=transport)
    attempt = ledger.rows[0]
    if not attempt.outcome.accepted or attempt.order_id is None:
        reason = f"The canary order was not accepted ({attempt.outcome.value} at {attempt.step}): {attempt.error}"
        return CanaryResult(False, attempt.order_id, clock.monotonic_s() - began_s, (), attempt, reason)
    async with ShopClient(front_end_url, timeout_s=timeout_s, transport=transport) as client:
        left_s = max(0.0, deadline_s - (clock.monotonic_s() - began_s))
        statuses, problem = await watch_order(client, attempt.order_id, clock, deadline_s=left_s, poll_s=poll_s)
    shipped = bool(statuses) and statuses[-1].status == "SHIPPED"
    reason = "" if shipped else _why_not(attempt.order_id, statuses, problem, deadline_s)
    return CanaryResult(shipped, attempt.order_id, clock.monotonic_s() - began_s, statuses, attempt, reason)


async def watch_order(
    client: ShopClient,
    order_id: str,
    clock: Clock,
    *,
    until: str = "SHIPPED",
    deadline_s: float,
    poll_s: float = 0.1,
) -> tuple[tuple[StatusSeen, ...], str | None]:
    """
    Asks for the order's status until it is `until` or PAYMENT_FAILED, or the deadline has passed.

    Gives each status when it was first seen, and what was wrong with the last question, if anything.
    """
    began_s = clock.monotonic_s()
    seen: list[StatusSeen] = []
    problem: str | None = None
    while True:
        try:
            status = await client.order_status(order_id)
            problem = None
            if not seen or seen[-1].status != status:
                seen.append(StatusSeen(round(clock.monotonic_s() - began_s, 3), status))
            if status in (until, "PAYMENT_FAILED"):
                break
        except JourneyProblem as error:
            problem = error.text
        if clock.monotonic_s() - began_s + poll_s > deadline_s:
            break
        await clock.sleep(poll_s)
    return tuple(seen), problem


def _why_not(order_id: str, statuses: tuple[StatusSeen, ...], problem: str | None, deadline_s: float) -> str:
    if problem is not None:
        return f"The canary order {order_id} could not be watched: {problem}"
    last = statuses[-1].status if statuses else None
    if last == "PAYMENT_FAILED":
        return f"The canary order {order_id} ended as PAYMENT_FAILED."
    state = f"was still {last}" if last else "was not stored"
    return f"The canary order {order_id} {state} after {deadline_s:g} s."

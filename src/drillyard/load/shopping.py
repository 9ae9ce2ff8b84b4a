"""
Shoppers at work: each goes the whole way from login to order, again and again, and every attempt leaves a row.

Which socks an order holds depends on the seed and the order's number; how attempts of several shoppers interleave is
the kernel's business and is not repeated. Shoppers register their own accounts, because two sessions of one customer
share one cart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import httpx

from drillyard.base.clock import Clock
from drillyard.base.errors import DrillyardError
from drillyard.load.basket import Basket, Sock, choose_basket
from drillyard.load.ledger import Attempt, AttemptOutcome, ShopperLedger
from drillyard.load.shop_client import Account, HttpProblem, JourneyProblem, ShopClient, TransportProblem

CONCURRENCY_MAX = 200

_SCRIPT_S_FAULT = {400, 404, 405, 411, 413, 414, 415, 422}
_DECLINED = 406
_NAME_TAKEN = 409


@dataclass(frozen=True, kw_only=True)
class Habits:
    """
    How shoppers behave.

    `account`: whom the only shopper logs in as; None registers a new customer each. `total_max_cents` bounds a
    basket, `slow_after_s` is when a 201 counts as slow, `pause_s` passes between two attempts of a shopper, and
    `pace_s` from the beginning of one to the beginning of the next where the first is done by then (several shoppers
    begin evenly spread over it); `timeout_s` bounds each request, `order_timeout_s` the one that places the order.
    With `double_click` the button is clicked twice at once, and each click leaves a row.
    """

    account: Account | None = None
    total_max_cents: int = 10_500
    slow_after_s: float = 3.0
    pause_s: float = 0.0
    pace_s: float = 0.0
    timeout_s: float = 10.0
    order_timeout_s: float = 40.0
    double_click: bool = False


USUAL_HABITS = Habits()
"""Baskets up to what the payment service authorises when nobody configured it (105.00): none is declined by rule."""


async def place_orders(
    front_end_url: str,
    count: int,
    seed: int,
    clock: Clock,
    *,
    on_order: Callable[[Attempt], None] | None = None,
    concurrency: int = 1,
    habits: Habits = USUAL_HABITS,
    ledger: ShopperLedger | None = None,
    name: str = "shopper",
    transport: httpx.AsyncBaseTransport | None = None,
) -> ShopperLedger:
    """
    Makes `count` attempts to order, shared out among `concurrency` shoppers, and gives their ledger: one row each.

    `on_order` is told each row as it happens; a `ledger` handed in keeps its rows when the call is cancelled, and has a
    row then for each attempt that was under way. The shop's failures are rows, not exceptions. Raises DrillyardError
    for a count, concurrency or account that does not fit, and whatever `on_order` raises.
    """
    if count < 0 or not 1 <= concurrency <= CONCURRENCY_MAX:
        raise DrillyardError(
            f"{count} orders by {concurrency} shoppers cannot be placed.",
            hint=f"Use 0 orders or more, and 1 to {CONCURRENCY_MAX} shoppers.",
        )
    if habits.account is not None and concurrency > 1:
        raise DrillyardError(
            f"{concurrency} shoppers cannot share the account {habits.account.username}: they would share its cart.",
            hint="Leave the account out, and each shopper registers its own.",
        )
    ledger = ShopperLedger() if ledger is None else ledger
    ledger.on_row = on_order or ledger.on_row
    visit = f"{seed}-{int(clock.now().timestamp() * 1000):x}"
    try:
        async with asyncio.TaskGroup() as group:
            for index in range(min(concurrency, count)):
                client = ShopClient(
                    front_end_url,
                    timeout_s=habits.timeout_s,
                    order_timeout_s=habits.order_timeout_s,
                    transport=transport,
                )
                shopper = Shopper(f"{name}-{visit}-{index + 1}", seed, habits, client, clock, ledger)
                delay_s = habits.pace_s * index / concurrency
                group.create_task(shopper.shop(range(index + 1, count + 1, concurrency), delay_s=delay_s))
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed  # The caller's own callback; a person is to read its sentence.
    return ledger


@dataclass
class Shopper:
    """One customer with one session. `name` is also the account that it registers."""

    name: str
    seed: int
    habits: Habits
    client: ShopClient
    clock: Clock
    ledger: ShopperLedger
    _signed_in: bool = field(default=False, init=False)
    _registered: bool = field(default=False, init=False)
    _tried: bool = field(default=False, init=False)
    _socks: Sequence[Sock] = field(default=(), init=False)

    async def shop(self, numbers: Sequence[int], *, delay_s: float = 0.0) -> None:
        """One attempt per number, after the delay, with the habits' pause or pace between them."""
        async with self.client:
            began_s = self.clock.monotonic_s() + delay_s - self.habits.pace_s
            for index, number in enumerate(numbers):
                wait_s = max(self.habits.pause_s, began_s + self.habits.pace_s - self.clock.monotonic_s())
                if (index or delay_s) and wait_s > 0:
                    await self.clock.sleep(wait_s)
                began_s = self.clock.monotonic_s()
                await self.attempt(number)

    async def attempt(self, number: int) -> None:
        """The whole way from catalogue to order, once; the failure of any step is a row, and not an exception."""
        drafts = [_Draft(self.name, number, self.clock.now(), self.clock.monotonic_s())]
        try:
            if await self._kept(drafts[0], self._fill_cart):
                if self.habits.double_click:
                    drafts.append(replace(drafts[0]))
                await asyncio.gather(*(self._kept(draft, self._click) for draft in drafts))
        finally:
            for draft in drafts:
                self._signed_in = self._signed_in and draft.outcome is AttemptOutcome.OK
                self.ledger.add(draft.row(self.clock, self.habits.slow_after_s))

    async def _kept(self, draft: _Draft, step: Callable[[_Draft], Awaitable[None]]) -> bool:
        """Does the step and keeps how it failed in the draft; True when it did not."""
        try:
            await step(draft)
        except asyncio.CancelledError:
            # The request may have reached the shop, so the row must not be missing.
            draft.fail(AttemptOutcome.TRANSPORT_ERROR, error="stopped before the answer came")
            raise
        except HttpProblem as problem:
            draft.fail_with(problem, _outcome_of(problem))
        except TransportProblem as problem:
            draft.fail_with(problem, AttemptOutcome.TRANSPORT_ERROR)
        except Exception as error:
            draft.fail(AttemptOutcome.SCRIPT_ERROR, error=f"{type(error).__name__}: {error}")
        return draft.outcome is AttemptOutcome.OK

    async def _fill_cart(self, draft: _Draft) -> None:
        draft.step = "catalogue"
        if not self._socks:
            self._socks = await self.client.socks()
        limit = self.habits.total_max_cents
        basket = choose_basket(self._socks, seed=self.seed, number=draft.number, total_max_cents=limit)
        if basket is None:
            draft.fail(AttemptOutcome.SCRIPT_ERROR, error=f"no order with a sock costs up to {limit} cents")
            return
        draft.basket = basket
        draft.step = "login"
        await self._sign_in()
        draft.step = "cart"
        await self.client.empty_cart()
        for _ in range(basket.quantity):
            await self.client.add_to_cart(basket.sock.id)
        draft.step = "order"

    async def _click(self, draft: _Draft) -> None:
        draft.asked_s = self.clock.monotonic_s()
        order = await self.client.place_order()
        draft.http_status, draft.order_id = 201, order.order_id
        draft.total_cents, draft.status_seen = order.total_cents, order.status

    async def _sign_in(self) -> None:
        if self._signed_in:
            return
        account = self.habits.account or Account(self.name, f"socks-{self.seed}")
        if self.habits.account is None and not self._registered:
            await self._register(account)
            self._registered = True
        await self.client.log_in(account)
        self._signed_in = True

    async def _register(self, account: Account) -> None:
        """A registration whose answer was lost may have happened all the same: then the name is taken, by us."""
        tried, self._tried = self._tried, True
        try:
            await self.client.register(account, first_name="Drill", last_name="Shopper")
        except HttpProblem as problem:
            if not (tried and problem.status == _NAME_TAKEN):
                raise
            await self.client.log_in(account)
        await self.client.add_address_and_card()


@dataclass
class _Draft:
    """A row in the making."""

    shopper: str
    number: int
    started_at: datetime
    started_s: float
    step: str = "login"
    outcome: AttemptOutcome = AttemptOutcome.OK
    asked_s: float | None = None
    basket: Basket | None = None
    http_status: int | None = None
    order_id: str | None = None
    total_cents: int | None = None
    status_seen: str | None = None
    error: str | None = None

    def fail(self, outcome: AttemptOutcome, *, error: str) -> None:
        self.outcome, self.error = outcome, error

    def fail_with(self, problem: JourneyProblem, outcome: AttemptOutcome) -> None:
        self.step, self.http_status, self.order_id = problem.step, problem.status, problem.order_id
        self.fail(outcome, error=problem.text)

    def row(self, clock: Clock, slow_after_s: float) -> Attempt:
        """The finished row; slow is judged by the order's own request, not by the way to it."""
        ended_s = clock.monotonic_s()
        outcome = self.outcome
        asked_s = self.started_s if self.asked_s is None else self.asked_s
        if outcome is AttemptOutcome.OK and ended_s - asked_s > slow_after_s:
            outcome = AttemptOutcome.SLOW
        return Attempt(
            shopper=self.shopper,
            number=self.number,
            started_at=self.started_at,
            ended_at=clock.now(),
            took_s=round(ended_s - self.started_s, 3),
            step=self.step,
            outcome=outcome,
            http_status=self.http_status,
            order_id=self.order_id,
            item=self.basket.sock.name if self.basket else None,
            quantity=self.basket.quantity if self.basket else None,
            expected_cents=self.basket.total_cents if self.basket else None,
            total_cents=self.total_cents,
            status_seen=self.status_seen,
            error=self.error,
        )


def _outcome_of(problem: HttpProblem) -> AttemptOutcome:
    if problem.step == "order" and problem.status == _DECLINED:
        return AttemptOutcome.REFUSED_BY_RULE
    return AttemptOutcome.SCRIPT_ERROR if problem.status in _SCRIPT_S_FAULT else AttemptOutcome.HTTP_ERROR

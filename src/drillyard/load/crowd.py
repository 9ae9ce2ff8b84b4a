"""
A crowd of shoppers that follows a load profile: they arrive one after the other, look at pages, and order.

Orders leave a row each in the shoppers' ledger, as all orders do. Looks are counted by how they ended, apart from each
other: a page that was slow, an error that the shop answered, an answer that never came, a mistake of our own. What the
seed draws is who does what and waits how long; how they interleave is the kernel's business.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from drillyard.base.clock import Clock
from drillyard.load.ledger import AttemptOutcome, ShopperLedger
from drillyard.load.profiles import Profile
from drillyard.load.shop_client import HttpProblem, ShopClient, TransportProblem
from drillyard.load.shopping import Habits, Shopper

_ORDER = "order"


@dataclass
class CrowdReport:
    """What a crowd did. `processor_s` is what this process spent meanwhile, of `took_s` of the machine's time."""

    users: int = 0
    looks: Counter[str] = field(default_factory=Counter)
    slowest_look_s: float = 0.0
    took_s: float = 0.0
    processor_s: float = 0.0

    @property
    def processor_share(self) -> float:
        """Of one processor; what the shop did not have."""
        return self.processor_s / self.took_s if self.took_s else 0.0

    def to_json(self) -> dict[str, Any]:
        looks = {outcome.value: self.looks[outcome.value] for outcome in AttemptOutcome}
        return {
            "users": self.users,
            "looks": looks,
            "slowest_look_s": round(self.slowest_look_s, 3),
            "took_s": round(self.took_s, 3),
            "processor_s": round(self.processor_s, 3),
        }


@dataclass
class Crowd:
    """
    Follows `profile` at a front end, with rows in `ledger`; `orders_max` ends it early (None: not).

    `report` grows while it runs.
    """

    front_end_url: str
    profile: Profile
    seed: int
    clock: Clock
    ledger: ShopperLedger
    orders_max: int | None = None
    habits: Habits = field(default_factory=Habits)
    transport: httpx.AsyncBaseTransport | None = None
    report: CrowdReport = field(default_factory=CrowdReport)
    name: str = "crowd"
    _over: bool = field(default=False, init=False)

    async def come(self) -> CrowdReport:
        """Runs to the profile's end. The shop's failures are rows and counts, and not exceptions."""
        visit = f"{self.name}-{self.seed}-{int(self.clock.now().timestamp() * 1000):x}"
        began_s, spent_s = self.clock.monotonic_s(), time.process_time()
        until_s = began_s + self.profile.run_time_s
        numbers = self._numbers()
        try:
            async with asyncio.TaskGroup() as group:
                for index in range(self.profile.users):
                    group.create_task(self._act(f"{visit}-{index + 1}", index, numbers, until_s))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed  # The ledger's own callback; a person is to read its sentence.
        finally:
            self.report.took_s = self.clock.monotonic_s() - began_s
            self.report.processor_s = time.process_time() - spent_s
        return self.report

    async def rehearse(self) -> list[str]:
        """Every act of the profile once, by one shopper: what failed, in sentences. On a whole shop nothing may."""
        visit = f"{self.name}-rehearsal-{self.seed}-{int(self.clock.now().timestamp() * 1000):x}"
        problems: list[str] = []
        ledger = ShopperLedger()
        shopper = self._shopper(visit, ledger)
        async with shopper.client:
            await shopper.attempt(1)
            problems += [f"order: {row.error}" for row in ledger if not row.outcome.accepted]
            for path in self.profile.pages:
                outcome, text = await _look(shopper.client, path)
                problems += [] if outcome is AttemptOutcome.OK else [text]
        return problems

    async def _act(self, name: str, index: int, numbers: Iterator[int], until_s: float) -> None:
        draw = random.Random(f"{self.seed}/user/{index}")
        acts = [_ORDER, *self.profile.pages]
        weights = [self.profile.order, *self.profile.pages.values()]
        shopper = self._shopper(name, self.ledger)
        await self._rest(index / self.profile.spawn_per_s, until_s)
        async with shopper.client:
            while self.clock.monotonic_s() < until_s and not self._over:
                self.report.users = max(self.report.users, index + 1)
                act = draw.choices(acts, weights)[0]
                if act != _ORDER:
                    await self._visit(shopper.client, act)
                elif (number := next(numbers, None)) is not None:
                    await shopper.attempt(number)
                    self._over = self._over or number == self.orders_max
                await self._rest(draw.uniform(*self.profile.wait_s), until_s)

    async def _visit(self, client: ShopClient, path: str) -> None:
        began_s = self.clock.monotonic_s()
        outcome, _ = await _look(client, path)
        took_s = self.clock.monotonic_s() - began_s
        if outcome is AttemptOutcome.OK and took_s > self.habits.slow_after_s:
            outcome = AttemptOutcome.SLOW
        self.report.looks[outcome.value] += 1
        self.report.slowest_look_s = max(self.report.slowest_look_s, took_s)

    async def _rest(self, seconds: float, until_s: float) -> None:
        await self.clock.sleep(min(seconds, max(0.0, until_s - self.clock.monotonic_s())))

    def _numbers(self) -> Iterator[int]:
        return itertools.count(1) if self.orders_max is None else iter(range(1, self.orders_max + 1))

    def _shopper(self, name: str, ledger: ShopperLedger) -> Shopper:
        habits = self.habits
        client = ShopClient(
            self.front_end_url,
            timeout_s=habits.timeout_s,
            order_timeout_s=habits.order_timeout_s,
            transport=self.transport,
        )
        return Shopper(name, self.seed, habits, client, self.clock, ledger)


async def _look(client: ShopClient, path: str) -> tuple[AttemptOutcome, str]:
    try:
        await client.look(path)
    except HttpProblem as problem:
        script = problem.status in (400, 401, 404, 405)
        return (AttemptOutcome.SCRIPT_ERROR if script else AttemptOutcome.HTTP_ERROR), problem.text
    except TransportProblem as problem:
        return AttemptOutcome.TRANSPORT_ERROR, problem.text
    return AttemptOutcome.OK, ""

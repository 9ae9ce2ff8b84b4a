"""
One yard, taken through the states of both documents in their order: what a person does between the commands is done here.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from drillyard.base.clock import SystemClock
from drillyard.load import ShopperLedger, place_orders
from drillyard.yard.logging_canary import check_logging
from drillyard.yard.yard import Yard, open_yard

from .table import STATES
from .typing_hands import Hands

EXAMPLES = Path(__file__).parents[3] / "examples" / "locust"
_T = TypeVar("_T")


class Stage:
    """`enter` goes forward only; `ledger` holds this state's attempts, `words` what tables may say of all so far."""

    def __init__(self, yard: str, hands: Hands, drill: Callable[..., Any], *, with_locust: bool) -> None:
        self.yard_name, self.hands, self.drill, self.with_locust = yard, hands, drill, with_locust
        self.state = ""
        self.clock = SystemClock()
        self.fault_on_at: datetime = self.clock.now()
        self.ledger = ShopperLedger()
        self.failed = self.orders = 0
        self.order = self.paid = ""

    @property
    def words(self) -> dict[str, Any]:
        return {"failed": self.failed, "orders": self.orders, "order": self.order, "paid": self.paid}

    def enter(self, state: str) -> None:
        """Every state up to this one, each once."""
        while STATES.index(state) > (STATES.index(self.state) if self.state else -1):
            following = STATES[STATES.index(self.state) + 1] if self.state else STATES[0]
            getattr(self, f"_{following.replace('-', '_')}")()
            self.state = following

    def ask(self, question: Callable[[Yard], Coroutine[Any, Any, _T]]) -> _T:
        """Asks the yard something."""

        return self._runner.run(question(self._yard))

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        self._opened = open_yard(self.yard_name)
        self._yard = self._runner.run(self._opened.__aenter__())
        return self

    def __exit__(self, *error: Any) -> None:
        self._runner.run(self._opened.__aexit__(None, None, None))
        self._runner.close()

    def kubectl(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.hands.programs["wheel"] / "kubectl"), "-n", "sock-shop", *arguments],
            env=self.hands.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _healthy(self) -> None:
        self._shop(1, ends_as="SHIPPED")

    def _payment_going(self) -> None:
        return

    def _payment_down(self) -> None:
        self._scale("payment", 0)
        self._shop(4, ends_as="PAYMENT_FAILED")

    def _load(self) -> None:
        if self.with_locust:
            corrected = (
                (EXAMPLES / "corrected.yaml").read_text().replace('"10"', '"2"').replace('"2m"', f'"{run_time_s()}s"')
            )
            (self.hands.folder / "corrected.yaml").write_text(corrected)
            self.kubectl("apply", "-f", str(self.hands.folder / "corrected.yaml"))

    def _payment_returning(self) -> None:
        if self.with_locust:
            self.kubectl("wait", "--for=condition=complete", "job/locust-payment-failure-corrected", "--timeout=110s")
            self.kubectl("delete", "-f", str(self.hands.folder / "corrected.yaml"))
        known = self.failed
        self.failed = sum(one["status"] == "PAYMENT_FAILED" for one in self.ask(Yard.orders))
        self.orders += self.failed - known

    def _payment_back(self) -> None:
        self.fault_on_at = self.clock.now()
        self._scale("payment", 1)
        self._shop(1, ends_as="SHIPPED")
        self.paid = self.order_ids[0]  # `order` goes on to be one that failed.

    def _payment_slow(self) -> None:
        put_in = self.drill("inject", "payment-slow", "--yard", self.yard_name)
        assert put_in.returncode == 0, put_in.stderr
        self._shop(3, ends_as="PAYMENT_FAILED", concurrency=3)

    def _queue_going(self) -> None:
        healed = self.drill("heal", "--yard", self.yard_name)
        assert healed.returncode == 0, healed.stderr

    def _queue_down(self) -> None:
        self._scale("queue-master", 0)
        self._shop(3, ends_as="PAID")

    def _queue_returning(self) -> None:
        return

    def _queue_back(self) -> None:
        self._scale("queue-master", 1)
        self.ask(lambda yard: self._wait_until(yard, "SHIPPED"))
        self.ask(check_logging)

    def _scale(self, deployment: str, replicas: int) -> None:
        """Harmless where the document's own command has done it."""
        self.kubectl("scale", f"deployment/{deployment}", f"--replicas={replicas}")
        if replicas:
            self.kubectl("rollout", "status", f"deployment/{deployment}", "--timeout=30s")
        else:
            self.kubectl("wait", "pod", "-l", f"name={deployment}", "--for=delete", "--timeout=30s")

    def _shop(self, count: int, *, ends_as: str, concurrency: int = 1) -> None:
        """Shoppers order, and their orders reach the status; then every line written so far can be searched."""
        if self.state != "payment-returning":
            self.fault_on_at = self.clock.now()

        async def shop(yard: Yard) -> None:
            before = {one["id"] for one in await yard.orders()}
            self.ledger = await place_orders(
                yard.url("front-end"), count, 3, self.clock, concurrency=concurrency, name=self.state or "first"
            )
            self.order_ids = [one["id"] for one in await yard.orders() if one["id"] not in before]
            await self._wait_until(yard, ends_as)
            written = await check_logging(yard)
            assert written.healthy, written.text

        self.ask(shop)
        assert len(self.order_ids) == count
        if self.state != "payment-returning":
            self.order = self.order_ids[0]
        self.orders += count
        self.failed += count if ends_as == "PAYMENT_FAILED" else 0

    async def _wait_until(self, yard: Yard, status: str) -> None:
        async with asyncio.timeout(30):
            while {one["status"] for one in await yard.orders() if one["id"] in self.order_ids} != {status}:
                await self.clock.sleep(0.1)


def run_time_s() -> int:
    """How long Locust runs in the tests: it stands behind everything else, and on a busy machine its turn comes late."""
    return 8 if os.getloadavg()[0] < 1.5 * (os.cpu_count() or 1) else 20


def requests_of(log: str, name: str) -> int:
    """How often Locust made this request, by its final table; 0 when the table has no such row."""
    rows = [row.split() for row in log.splitlines() if name in row and "%)" in row]
    return int(next(cell for cell in rows[-1][1:] if cell.isdigit())) if rows else 0
